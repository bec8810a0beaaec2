use std::fmt;

/// Which live a publisher asks for. Printed without its key.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// The live of this stream key: `live/KEY`.
    Key(String),
    /// This live, with its stream key: `live/ID?key=KEY`.
    Live {
        /// Its number.
        id: i64,
        /// Its stream key.
        key: String,
    },
}

impl Target {
    /// Reads the name that `publish` was given.
    pub(super) fn read(name: &str) -> Self {
        let (path, query) = name.split_once('?').unwrap_or((name, ""));
        let path = path.trim_matches('/');
        let key = query.split('&').find_map(|pair| pair.strip_prefix("key="));
        match (key, path.parse()) {
            (Some(key), Ok(id)) => Self::Live { id, key: key.to_owned() },
            _ => Self::Key(path.to_owned()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(_) => out.write_str("Key"),
            Self::Live { id, .. } => write!(out, "Live({id})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_key_or_a_live_with_its_key() {
        let by_key = |key: &str| Target::Key(key.into());
        assert_eq!(Target::read("sk_abc"), by_key("sk_abc"));
        assert_eq!(Target::read("/sk_abc/?bandwidthtest=true"), by_key("sk_abc"));
        assert_eq!(Target::read("12?a=b&key=sk_x"), Target::Live { id: 12, key: "sk_x".into() });
        assert_eq!(Target::read("x?key=sk_x"), by_key("x"));
        assert_eq!(Target::read(""), by_key(""));
        let printed = format!("{:?} {:?}", Target::read("sk_abc"), Target::read("12?key=sk_abc"));
        assert_eq!(printed, "Key Live(12)");
    }
}
