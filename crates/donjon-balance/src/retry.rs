//! Asking again: a node that restarts, or a switch that hiccups, must not cost a run.

use std::time::Duration;

use keep_protocol::client::ClientError;

/// How often something is tried, and how long to wait in between: each time twice as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries in all; at least one.
    pub tries: u32,
    /// The wait after the first try.
    pub first_wait: Duration,
}

impl Default for Patience {
    /// Four tries within seven seconds.
    fn default() -> Self {
        Patience { tries: 4, first_wait: Duration::from_secs(1) }
    }
}

impl Patience {
    /// Tries `request` until it succeeds, fails for good, or the tries are used up; then the last error.
    pub(crate) async fn ask<T>(
        self,
        mut request: impl AsyncFnMut() -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut wait = self.first_wait;
        let mut left = self.tries;
        loop {
            left = left.saturating_sub(1);
            match request().await {
                Err(error) if left > 0 && error.may_pass() => {
                    tracing::info!(%error, wait_ms = wait.as_millis(), "asking again");
                    tokio::time::sleep(wait).await;
                    wait = wait.saturating_mul(2);
                }
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const AT_ONCE: Patience = Patience { tries: 3, first_wait: Duration::ZERO };

    fn away() -> ClientError {
        ClientError::Unreachable { doing: "connecting failed".to_owned(), source: None }
    }

    #[tokio::test]
    async fn what_may_pass_is_asked_again_and_no_more_often_than_told() {
        let mut asked = 0;
        let gone = AT_ONCE
            .ask(async || {
                asked += 1;
                Err::<(), _>(away())
            })
            .await;
        assert!(matches!(gone, Err(ClientError::Unreachable { .. })));
        assert_eq!(asked, 3);
    }

    #[tokio::test]
    async fn a_later_success_counts() {
        let mut asked = 0;
        let answer = AT_ONCE
            .ask(async || {
                asked += 1;
                if asked == 2 { Ok(asked) } else { Err(away()) }
            })
            .await;
        assert_eq!(answer.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_is_wrong_for_good_is_not_asked_again() {
        let refused =
            || ClientError::Refused { status: StatusCode::FORBIDDEN, text: String::new() };
        let mut asked = 0;
        let answer = AT_ONCE
            .ask(async || {
                asked += 1;
                Err::<(), _>(refused())
            })
            .await;
        assert!(answer.is_err());
        assert_eq!(asked, 1);
    }
}
