//! Where no node is, and none can come.

use std::net::{TcpListener, TcpStream};

/// An address that nobody listens at, and nobody can while this is there: it is the other end of a connection.
pub(crate) struct Deaf {
    connection: TcpStream,
    _listener: TcpListener,
}

impl Deaf {
    pub(crate) fn new() -> Deaf {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Deaf { connection, _listener: listener }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.connection.local_addr().unwrap())
    }
}
