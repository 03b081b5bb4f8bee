//! The behaviour cases of a keepstore, run over the wire against any of them.
