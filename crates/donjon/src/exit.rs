use std::process::ExitCode;

/// How a command ends, for scripts. The numbers are a promise: they stand in the help and the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All of it was done.
    Done,
    /// It could not be done; the reason is on stderr.
    Failed,
    /// The command line is wrong; nothing was tried.
    Usage,
    /// The node has no such block, mount or list, or no such copy in its trash.
    NotFound,
    /// Some of it was done, or all but some is well.
    Partly,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Partly => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// What became of each of several blocks, counted to choose one exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// As asked for.
    pub(crate) done: usize,
    /// The node has no such block.
    pub(crate) missing: usize,
    /// The node declined on purpose, without an error: a block too young to be trashed.
    pub(crate) kept: usize,
    /// An error.
    pub(crate) failed: usize,
}

impl Tally {
    /// An error outweighs everything; then what all have in common counts.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Tally { failed: 1.., .. } => Exit::Failed,
            Tally { missing: 0, kept: 0, .. } => Exit::Done,
            Tally { done: 0, kept: 0, .. } => Exit::NotFound,
            Tally { .. } => Exit::Partly,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(done: usize, missing: usize, kept: usize, failed: usize, expected: Exit) {
        assert_eq!(Tally { done, missing, kept, failed }.exit(), expected);
    }

    #[test]
    fn nothing_to_do_is_done() {
        check(0, 0, 0, 0, Exit::Done);
    }

    #[test]
    fn all_done_is_done() {
        check(3, 0, 0, 0, Exit::Done);
    }

    #[test]
    fn all_missing_is_not_found() {
        check(0, 2, 0, 0, Exit::NotFound);
    }

    #[test]
    fn some_missing_or_kept_is_partly() {
        check(1, 1, 0, 0, Exit::Partly);
        check(0, 0, 1, 0, Exit::Partly);
        check(0, 1, 1, 0, Exit::Partly);
    }

    #[test]
    fn an_error_outweighs_everything() {
        check(5, 5, 5, 1, Exit::Failed);
    }
}
