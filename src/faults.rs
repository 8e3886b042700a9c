//! What is wrong with the settings: all of it at once, so that one look mends everything.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// All faults that were found. Never carries a value, only names.
#[derive(Debug, Default)]
pub struct Faults {
    found: Vec<Fault>,
    exposed: Vec<&'static str>,
}

#[derive(Debug)]
struct Fault {
    name: &'static str,
    wrong: String,
    found_in: &'static str,
}

impl Faults {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The secrets whose files every user of the machine can read. No fault, since some container platforms mount them so, but
    /// worth a warning.
    pub fn exposed(&self) -> Vec<&'static str> {
        self.exposed.clone()
    }

    /// Notes when every user of the machine can read `file`, which holds the secret `name`.
    pub fn note_exposure(&mut self, name: &'static str, file: &Path) {
        const OTHERS_READ: u32 = 0o004;
        if std::fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & OTHERS_READ != 0) {
            self.exposed.push(name);
        }
    }

    /// Notes that `name` is `wrong`, and where the right value is found.
    pub fn add(&mut self, name: &'static str, found_in: &'static str, wrong: impl fmt::Display) {
        let wrong = wrong.to_string();
        self.found.push(Fault { name, wrong, found_in });
    }

    /// The good value, or None and a fault.
    pub fn take<T, E: fmt::Display>(&mut self, name: &'static str, found_in: &'static str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|wrong| self.add(name, found_in, wrong)).ok()
    }

    /// Parses a setting that must be there. Empty counts as absent: that is how a line of `.env` looks before it is filled in.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        found_in: &'static str,
        text: Option<String>,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        match text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) {
            Some(text) => self.take(name, found_in, parse(text)),
            None => {
                self.add(name, found_in, "it is not set");
                None
            }
        }
    }

    /// Parses a setting that has a default.
    pub fn or<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        found_in: &'static str,
        text: Option<String>,
        default: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        self.take(name, found_in, parse(text.unwrap_or_else(|| default.to_owned())))
    }

    /// Takes a secret from its variable or from the file that `<name>_FILE` points to, but not from both.
    pub fn secret(
        &mut self,
        name: &'static str,
        found_in: &'static str,
        value: Option<SecretString>,
        file: Option<PathBuf>,
    ) -> Option<SecretString> {
        let value = value.filter(|value| !value.expose_secret().trim().is_empty());
        match (value, file.filter(|file| !file.as_os_str().is_empty())) {
            (Some(_), Some(_)) => {
                self.add(name, found_in, format_args!("both it and {name}_FILE are set"));
                None
            }
            (Some(value), None) => Some(value.expose_secret().trim().into()),
            (None, Some(file)) => match std::fs::read_to_string(&file) {
                Ok(text) => {
                    self.note_exposure(name, &file);
                    Some(text.trim().into())
                }
                Err(error) => {
                    self.add(name, found_in, format_args!("{name}_FILE cannot be read: {}", error.kind()));
                    None
                }
            },
            (None, None) => {
                self.add(name, found_in, "it is not set");
                None
            }
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The settings are not complete:\n")?;
        for fault in &self.found {
            writeln!(f, "  {}: {}\n      found in: {}", fault.name, fault.wrong, fault.found_in)?;
        }
        write!(
            f,
            "\nSet them in the environment or in .env (see .env.example). No DingTalk account yet? `cargo dev` needs no settings."
        )
    }
}

impl std::error::Error for Faults {}
