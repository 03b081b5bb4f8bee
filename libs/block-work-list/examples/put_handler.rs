//! The note's HTTP handler: `PUT /trash` replaces the list, with nothing but the standard library.
//!
//! Each line of the body is one item, a hash and a time. The list is replaced only when the whole body is understood.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use block_work_list::{BlockWork, BlockWorkList, Closed};

type TrashList = BlockWorkList<String, u64>;

/// A longer body is refused before it is read.
const BODY_MAX: u64 = 1 << 20;
const HEAD_MAX: u64 = 1 << 13;

/// `PUT /trash`: the status line and the text of the answer.
fn put_trash(trash_list: &TrashList, body: &str) -> (&'static str, String) {
    let items: Result<Vec<_>, String> =
        body.lines().zip(1..).map(|(line, number)| parse(line, number)).collect();
    match items.map(|items| (items.len(), trash_list.replace(items))) {
        Err(mistake) => ("400 Bad Request", format!("{mistake}; the old list stays\n")),
        Ok((_, Err(Closed(_)))) => ("503 Service Unavailable", "shutting down\n".into()),
        Ok((count, Ok(replaced))) => {
            let discarded = replaced.discarded.len(); // dropped here, by this thread: workers go on
            (
                "200 OK",
                format!(
                    "list {}: {count} items, {discarded} of the old list discarded\n",
                    replaced.generation
                ),
            )
        }
    }
}

fn parse(line: &str, number: usize) -> Result<BlockWork<String, u64>, String> {
    let (hash, time) =
        line.split_once(' ').ok_or(format!("line {number}: give a hash, a space and a time"))?;
    let data =
        time.parse().map_err(|error| format!("line {number}: {time:?} is not a time: {error}"))?;
    Ok(BlockWork { hash: hash.into(), data })
}

fn answer(mut connection: TcpStream, trash_list: &TrashList) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let length = body_length(&mut reader)?;
    let (status, text) = if length > BODY_MAX {
        ("413 Content Too Large", format!("a list may have {BODY_MAX} bytes\n"))
    } else {
        let mut body = String::new();
        reader.take(length).read_to_string(&mut body)?;
        put_trash(trash_list, &body)
    };
    write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

/// Reads the head of a request.
fn body_length(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut length = 0;
    for line in reader.take(HEAD_MAX).lines() {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    Ok(length)
}

fn put(server: &TcpListener, body: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(server.local_addr()?)?;
    write!(connection, "PUT /trash HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    io::read_to_string(connection)
}

fn main() -> io::Result<()> {
    let trash_list = TrashList::new();
    let server = TcpListener::bind(("127.0.0.1", 0))?;
    thread::scope(|scope| {
        scope.spawn(|| {
            server.incoming().take(2).try_for_each(|connection| answer(connection?, &trash_list))
        });
        scope.spawn(|| {
            trash_list.iter().for_each(|claim| println!("trash {} of {}", claim.hash, claim.data))
        });

        print!(
            "{}",
            put(
                &server,
                "acbd18db4cc2f85cedef654fccc4a4d8 1300\n37b51d194a7513e45b56f6524f2d51f2 1400\n"
            )?
        );
        print!("{}", put(&server, "acbd18db4cc2f85cedef654fccc4a4d8 yesterday\n")?);

        trash_list.wait_idle_blocking();
        assert_eq!(trash_list.status().done, 2, "the second body was refused whole");
        trash_list.close();
        Ok(())
    })
}
