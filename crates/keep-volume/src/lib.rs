//! Volumes: where replicas are stored, the contract they keep, and the back ends.
