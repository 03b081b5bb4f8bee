//! `--listen`: looked at before anything is begun.

/// `HOST:PORT`, or a URL where one is understood. Whether somebody may listen there, only the system knows.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    let is_address = text.rsplit_once(':').is_some_and(|(_host, port)| is_port(port));
    if is_address || text.contains("://") {
        return Ok(text.to_owned());
    }
    Err("it is not HOST:PORT, such as 127.0.0.1:25107; the port is a number up to 65535".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        for good in ["127.0.0.1:0", "[::1]:25107", "keep0:65535", ":9005", "http://keep0:25107"] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        for bad in ["nonsense", "", "127.0.0.1", "keep0:", "keep0:65536", "keep0:http"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
