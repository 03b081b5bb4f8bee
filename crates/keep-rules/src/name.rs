//! Names: texts that mean something only because two of them are equal.

/// The empty text where a name is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must not be empty; give it a name")]
pub struct EmptyName {
    what: &'static str,
}

impl EmptyName {
    pub(crate) fn of(what: &'static str) -> Self {
        EmptyName { what }
    }
}

/// Declares a name: any text but the empty one, cheap to clone, ordered as its text.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::name::EmptyName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if text.is_empty() { Err($crate::name::EmptyName::of($what)) } else { Ok($name(text.into())) }
            }
        }

        /// A map keyed by this name can be asked with a text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

pub(crate) use name;
