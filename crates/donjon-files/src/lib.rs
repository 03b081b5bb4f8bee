//! Files and directories in and out of a block store: packed into blocks, named by a manifest, verified on the way back.
