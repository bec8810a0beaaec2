use std::str::FromStr;

/// Who may see a live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// Whoever knows its key; it is in no list.
    Unlisted,
    /// Whoever is signed in.
    Members,
}

impl Visibility {
    /// Its name on the wire and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Members => "members",
        }
    }
}

impl FromStr for Visibility {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "public" => Ok(Self::Public),
            "unlisted" => Ok(Self::Unlisted),
            "members" => Ok(Self::Members),
            _ => Err(format!("\"{name}\" is no visibility")),
        }
    }
}
