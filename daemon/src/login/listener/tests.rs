//! What comes to the port on the loopback, byte by byte.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn redirect(host: &str, path: &str) -> Redirect {
    Redirect { host: host.to_owned(), port: None, path: path.to_owned() }
}

async fn listener() -> Listener {
    Listener::bind(&redirect("127.0.0.1", "/cb")).await.unwrap()
}

/// All that comes back to these bytes, while the listener looks at nothing but whole answers, which it
/// grants.
async fn asked(listener: &mut Listener, bytes: &str) -> String {
    let port = listener.port();
    let talk = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(bytes.replace("PORT", &port.to_string()).as_bytes()).await.unwrap();
        let mut answer = String::new();
        // A connection that is cut off has said what it had to.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    };
    tokio::pin!(talk);
    loop {
        tokio::select! {
            answer = &mut talk => return answer,
            arrival = listener.next() => {
                let shown = arrival.query.expose().as_str().unwrap().to_owned();
                arrival.show(Page::done(&shown));
            }
        }
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

#[tokio::test]
async fn a_browser_that_comes_back_is_answered_with_a_page() {
    let mut listener = listener().await;
    let answer =
        asked(&mut listener, "GET /cb?code=c&state=s HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("code=c&amp;state=s"), "{answer}");
    let head = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
    for line in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "connection: close",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert!(!head.contains("access-control"), "no other page may read it: {head}");
}

#[tokio::test]
async fn nothing_but_get_of_the_one_path_at_the_one_name_is_taken() {
    let mut listener = listener().await;
    for (request, expected) in [
        ("GET /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "200"),
        ("GET http://127.0.0.1:PORT/cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "200"),
        ("GET /cb HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "400"),
        ("GET /cb? HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "400"),
        ("GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "404"),
        ("GET /cb/?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "404"),
        ("GET //cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "404"),
        ("GET /x/../cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "404"),
        ("POST /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 0\r\n\r\n", "405"),
        ("HEAD /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "405"),
        ("OPTIONS /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: https://a.example\r\n\r\n", "405"),
        ("GET /cb?a=b HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
        ("GET /cb?a=b HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n", "421"),
        ("GET /cb?a=b HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", "421"),
        ("GET /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "421"),
        ("GET /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", "421"),
        ("GET http://evil.example/cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "421"),
        ("GET /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nHost: 127.0.0.1:PORT\r\n\r\n", "400"),
        ("GET /cb?a=b HTTP/1.1\r\n\r\n", "400"),
        ("GET /cb?a=b HTTP/1.0\r\n\r\n", "400"),
        ("\u{16}\u{3}\u{1} not HTTP at all\r\n\r\n", "400"),
    ] {
        let answer = asked(&mut listener, request).await;
        assert_eq!(status(&answer), expected, "{request}\n{answer}");
    }
}

#[tokio::test]
async fn a_head_beyond_the_bounds_is_refused() {
    let mut listener = listener().await;
    let long = format!("GET /cb?a={} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "x".repeat(2 * MOST_HEAD));
    assert_ne!(status(&asked(&mut listener, &long).await), "200");
    let many = format!(
        "GET /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n{}\r\n",
        "X: y\r\n".repeat(MOST_HEADERS + 1)
    );
    assert_ne!(status(&asked(&mut listener, &many).await), "200");
}

#[tokio::test]
async fn silent_and_half_connections_keep_nobody_out() {
    let mut listener = listener().await;
    let mut idle = Vec::new();
    for number in 0..5 * MOST_CONNECTIONS {
        let mut stream = TcpStream::connect(("127.0.0.1", listener.port())).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(b"GET /cb?code=").await.unwrap();
        }
        idle.push(stream);
    }
    let answer = asked(&mut listener, "GET /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n").await;
    assert_eq!(status(&answer), "200");
    assert!(listener.places.len() <= MOST_CONNECTIONS);
}

#[tokio::test]
async fn dropped_it_is_gone_and_finished_it_says_its_last_word() {
    let mut listener = listener().await;
    let port = listener.port();
    let mut waiting = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET /cb?a=b HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    waiting.write_all(request.as_bytes()).await.unwrap();
    let arrival = listener.next().await;
    arrival.show(Page::done("lyve"));
    listener.finish();
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("Logged in"), "{answer}");
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());

    let listener = Listener::bind(&redirect("127.0.0.1", "/")).await.unwrap();
    let port = listener.port();
    let mut waiting = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    drop(listener);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    // Nobody accepted it, or it was cut off.
    assert!(matches!(waiting.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn by_name_it_is_at_both_addresses_and_by_number_at_that_one() {
    let listener = Listener::bind(&redirect("localhost", "/")).await.unwrap();
    let port = listener.port();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok());
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok();
    assert_eq!(TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.is_ok(), has_ipv6);
    if has_ipv6 {
        let listener = Listener::bind(&redirect("[::1]", "/")).await.unwrap();
        assert!(TcpStream::connect((Ipv6Addr::LOCALHOST, listener.port())).await.is_ok());
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port())).await.is_err());
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_clear_failure() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        let redirect = Redirect { port: Some(port), ..redirect(host, "/") };
        let failure = Listener::bind(&redirect).await.unwrap_err();
        assert_eq!(failure.kind, "redirect-port");
        assert!(failure.message.contains(&format!("{host}:{port}")), "{failure}");
    }
}

#[tokio::test]
async fn it_listens_on_the_loopback_alone() {
    for host in ["0.0.0.0", "[::]", "192.0.2.1", "a.example"] {
        assert_eq!(Listener::bind(&redirect(host, "/")).await.unwrap_err().kind, "redirect-port", "{host}");
    }
}
