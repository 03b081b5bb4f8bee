//! A list of work on blocks that can be replaced at any time.
