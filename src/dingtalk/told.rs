//! What people who run the app are told, in both languages.

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// As logs have it.
    pub english: String,
    /// Simplified.
    pub chinese: String,
}

/// A sentence in both languages, English first; both are formats. `Told` must be in scope.
macro_rules! told {
    ($english:literal, $chinese:literal) => {
        Told { english: format!($english), chinese: format!($chinese) }
    };
}
pub(crate) use told;
