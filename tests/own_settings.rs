//! Settings of `src/app` that have no default: here they have one for every test that starts the app.

pub const OWN_SETTINGS: &[(&str, &str)] = &[];
