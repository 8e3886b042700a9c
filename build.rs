//! A macro embeds the files in `static/`, which cargo cannot see: with this, a new file there makes cargo compile the crate again.

fn main() {
    println!("cargo:rerun-if-changed=static");
}
