//! Files in `static/` are embedded by a macro, which cargo cannot see: a new file there must make it compile again.

fn main() {
    println!("cargo:rerun-if-changed=static");
}
