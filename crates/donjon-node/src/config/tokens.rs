//! The tokens of the cluster.

use keep_rules::Token;

use super::problem::{Notice, Problem};
use super::report::Report;
use super::section::Section;

/// Who may do what beside reading and writing blocks.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// `SystemRootToken`: lists, index, trash and untrash. Never empty, unlike Go's, where an empty one opens them to all.
    pub system_root: Token,
    /// `ManagementToken`: metrics and health. Without one the metrics are open, and the health check is off.
    pub management: Option<Token>,
}

impl Tokens {
    pub(super) fn read(cluster: &mut Section<'_>, report: &mut Report) -> Option<Self> {
        let system_root = cluster.secret("SystemRootToken", report);
        if system_root.is_none() {
            report.mistake(&cluster.child("SystemRootToken"), Problem::NoSystemRootToken);
        }
        let management = cluster.secret("ManagementToken", report);
        if management.is_none() {
            report.warn(&cluster.child("ManagementToken"), Notice::NoManagementToken);
        }
        Some(Tokens {
            system_root: Token::new(system_root?)?,
            management: management.and_then(Token::new),
        })
    }
}
