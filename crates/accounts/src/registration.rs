use serde::{Deserialize, Serialize};

/// Who may sign up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody.
    #[default]
    Open,
    /// Whoever holds an invitation.
    Invited,
    /// Nobody; administrators add people.
    Closed,
}

impl std::str::FromStr for Registration {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "open" => Ok(Self::Open),
            "invited" => Ok(Self::Invited),
            "closed" => Ok(Self::Closed),
            _ => Err(format!("\"{name}\" is none of open, invited, closed")),
        }
    }
}
