//! How settings are read. Each has its description, which `--help` and faults show, on the line that reads it.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::{metadata, read_to_string};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// The variables that are set, any of which may be secret, and the settings and faults that were noted while they were read.
#[derive(Debug, Default)]
pub struct Environment {
    values: HashMap<String, SecretString>,
    settings: Vec<Setting>,
    /// A paragraph for each.
    faults: String,
    /// The secrets whose files every user of the machine can read.
    pub exposed: Vec<&'static str>,
}

/// Something that can be set.
#[derive(Debug)]
pub struct Setting {
    /// The name of its environment variable.
    pub name: &'static str,
    /// What it means, and its default or where the right value is found.
    pub about: String,
    /// Whether it comes from a variable or a file, but not from the command line, which every process of the machine can read.
    pub is_secret: bool,
}

/// All faults together, so that they can be corrected at once. Never contains a value, which may be secret.
#[derive(Debug, thiserror::Error)]
#[error("The server cannot start with these settings:\n\n{0}")]
pub struct Faults(String);

impl Environment {
    /// Returns what `read` reads, or all the faults that it noted.
    pub fn read<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Faults> {
        let settings = read(&mut self).filter(|_| self.faults.is_empty());
        settings.ok_or(Faults(self.faults))
    }

    /// All settings that `read` reads, with their descriptions.
    pub fn settings_of<T>(read: impl FnOnce(&mut Self) -> T) -> Vec<Setting> {
        let mut nothing = Self::default();
        read(&mut nothing);
        nothing.settings
    }

    /// Reads a setting that must be set; `about` says where the right value is found. Like the methods below, it notes a fault and returns
    /// `None`, so that all faults are known at the end.
    pub fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
        about: &str,
    ) -> Option<T> {
        self.describe(name, about, false);
        let value = self.value(name).map(str::to_owned).ok_or("it is not set");
        let value = self.check(name, value)?;
        self.check(name, parse(value))
    }

    /// Reads a setting that has a default.
    pub fn or<T, E: Display>(
        &mut self,
        name: &'static str,
        default: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
        about: &str,
    ) -> Option<T> {
        self.describe(name, &format!("{about} Default: {default}"), false);
        let value = self.value(name).unwrap_or(default).to_owned();
        self.check(name, parse(value))
    }

    /// Reads a setting that need not be set: `None` if it is not set, or wrong.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
        about: &str,
    ) -> Option<T> {
        self.describe(name, about, false);
        let value = self.value(name)?.to_owned();
        self.check(name, parse(value))
    }

    /// Reads a secret that must be set, from its variable or from the file that `<name>_FILE` points to, but not from both.
    /// `parse` gets no `String`: a copy as plain text would stay in memory.
    pub fn secret<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&SecretString) -> Result<T, E>,
        about: &str,
    ) -> Option<T> {
        self.describe(name, about, true);
        let secret = self.secret_value(name).and_then(|secret| secret.ok_or("it is not set".to_owned()));
        let secret = self.check(name, secret)?;
        self.check(name, parse(&secret))
    }

    /// The same for a secret that need not be set: `None` if it is not set, or wrong.
    pub fn secret_optional<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&SecretString) -> Result<T, E>,
        about: &str,
    ) -> Option<T> {
        self.describe(name, about, true);
        let secret = self.secret_value(name);
        let secret = self.check(name, secret)??;
        self.check(name, parse(&secret))
    }

    /// The same for a secret that must be set if it is `needed`; otherwise it is not read.
    pub fn secret_if<T, E: Display>(
        &mut self,
        needed: bool,
        name: &'static str,
        parse: impl FnOnce(&SecretString) -> Result<T, E>,
        about: &str,
    ) -> Option<T> {
        if needed {
            return self.secret(name, parse, about);
        }
        self.describe(name, about, true);
        None
    }

    fn secret_value(&mut self, name: &'static str) -> Result<Option<SecretString>, String> {
        let file_name = format!("{name}_FILE");
        let secret = self.value(name).map(SecretString::from);
        let Some(file) = self.value(&file_name).map(PathBuf::from) else { return Ok(secret) };
        if secret.is_some() {
            return Err(format!("both it and {file_name} are set"));
        }
        self.note_exposure(name, &file);
        let text = read_to_string(file).map_err(|error| format!("{file_name} cannot be read: {}", error.kind()))?;
        let text = SecretString::from(text);
        // Some editors put a byte order mark at the beginning.
        match text.expose_secret().trim_start_matches('\u{feff}').trim() {
            "" => Err(format!("the file of {file_name} is empty")),
            secret => Ok(Some(secret.into())),
        }
    }

    /// The variables that no setting has read although they begin so, or differ from a setting by one letter at most beside case and `_`:
    /// most likely misspelt. Not those that Kubernetes sets for each Service, such as `…_SERVICE_HOST`: a Service's name may begin as our
    /// settings do.
    pub fn unread(&self, beginning: &str) -> Vec<String> {
        let services: Vec<_> = self.values.keys().filter_map(|name| name.strip_suffix("SERVICE_HOST")).collect();
        let is_link = |rest: &str| rest.starts_with("SERVICE_") || rest.starts_with("PORT");
        let is_told = |name: &str| services.iter().any(|service| name.strip_prefix(service).is_some_and(is_link));
        let is_file_of = |name: &str, setting: &Setting| setting.is_secret && name.strip_suffix("_FILE") == Some(setting.name);
        let is_read = |name: &str| self.settings.iter().any(|setting| setting.name == name || is_file_of(name, setting));
        let letters = |name: &str| name.strip_suffix("_FILE").unwrap_or(name).replace('_', "").to_uppercase();
        // Many short words differ by one letter, such as USERS and USER.
        let known: Vec<_> =
            self.settings.iter().map(|setting| letters(setting.name)).filter(|letters| letters.len() >= 6).collect();
        let is_like = |letters: &str| known.iter().any(|known| strsim::damerau_levenshtein(letters, known) <= 1);
        let is_meant = |name: &str| name.starts_with(beginning) || is_like(&letters(name));
        let unread = self.values.keys().filter(|name| !is_read(name) && !is_told(name) && is_meant(name));
        let mut unread: Vec<_> = unread.cloned().collect();
        unread.sort_unstable();
        unread
    }

    /// Returns the value; notes an error as a fault of `name`.
    fn check<T, E: Display>(&mut self, name: &'static str, value: Result<T, E>) -> Option<T> {
        value.map_err(|wrong| self.fault(name, wrong)).ok()
    }

    /// Notes what is wrong with `name`.
    pub fn fault(&mut self, name: &'static str, wrong: impl Display) {
        let setting = self.settings.iter().find(|setting| setting.name == name);
        let fault = format!("  {name}: {wrong}\n      {}\n", setting.map_or("", |setting| &setting.about));
        if !self.faults.contains(&fault) {
            self.faults.push_str(&fault);
        }
    }

    /// Notes when every user of the machine can read `file`, which holds the secret `name`: some container platforms mount them so.
    pub fn note_exposure(&mut self, name: &'static str, file: impl AsRef<Path>) {
        const OTHERS_READ: u32 = 0o004;
        if metadata(file).is_ok_and(|meta| meta.permissions().mode() & OTHERS_READ != 0) {
            self.exposed.push(name);
        }
    }

    fn describe(&mut self, name: &'static str, about: &str, is_secret: bool) {
        // An app may read what the plumbing has read.
        if self.settings.iter().all(|setting| setting.name != name) {
            self.settings.push(Setting { name, about: about.to_owned(), is_secret });
        }
    }

    /// Empty counts as not set: that is how a line of `.env` looks before it is filled in.
    fn value(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?.expose_secret().trim();
        (!value.is_empty()).then_some(value)
    }
}

/// Of two values for one name, the later counts.
impl<N: Into<String>, V: Into<SecretString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let values = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { values: values.collect(), ..Self::default() }
    }
}
