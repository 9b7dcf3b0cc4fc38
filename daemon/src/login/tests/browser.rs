//! A browser that comes back, strangers that come in its stead, and people who paste.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::provider::login::DECLINED;

/// Where the login's listener is, as the address to open says it.
fn port_of(step: &LoginStep) -> u16 {
    let (_, rest) = step.url.split_once("http://127.0.0.1:").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

async fn begin(service: Service) -> (World, Participation, LoginStep) {
    let world = World::of(service).await;
    let asked = Login { way: Login::REDIRECT.to_owned(), ..request() };
    let mut participation = world.try_log_in(&asked).unwrap();
    let step = main_step(&mut participation).await;
    (world, participation, step)
}

async fn send(port: u16, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET /cb?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn page(mut stream: TcpStream) -> String {
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

#[tokio::test]
async fn a_browser_comes_back_and_the_login_is_kept_before_its_page_says_so() {
    let (world, mut participation, step) = begin(Service::new(true, false)).await;
    assert_eq!(step.expires_in_ms, Some(600_000));
    let page = page(send(port_of(&step), "code=c&state=st").await).await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("logged in to a"), "{page}");
    assert!(world.has_token());
    assert!(end(&mut participation).await.0.unwrap().renews);
    assert_eq!(*world.service.redeemed.lock().unwrap(), ["c"]);
    assert!(TcpStream::connect(("127.0.0.1", port_of(&step))).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn strangers_are_turned_away_and_the_login_goes_on() {
    let (world, mut participation, step) = begin(Service::new(true, false)).await;
    for query in ["code=evil&state=x", "code=evil", "error=access_denied&state=x", "state=st"] {
        let page = page(send(port_of(&step), query).await).await;
        assert!(page.starts_with("HTTP/1.1 400"), "{page}");
        assert!(!page.contains("logged in to"), "{page}");
    }
    assert!(page(send(port_of(&step), "code=c&state=st").await).await.starts_with("HTTP/1.1 200"));
    let (result, said) = end(&mut participation).await;
    assert!(result.is_ok());
    assert!(said[0].contains("state does not match") && said[1].contains("without a code"), "{said:?}");
    assert_eq!(*world.service.redeemed.lock().unwrap(), ["c"], "no other code was sent anywhere");
}

#[tokio::test]
async fn one_answer_counts_and_later_ones_are_told_that_it_is_over() {
    let service = Service { open: tokio::sync::Semaphore::new(0), ..Service::new(true, false) };
    let (world, mut participation, step) = begin(service).await;
    let first = send(port_of(&step), "code=c&state=st").await;
    let message = super::step(&mut participation).await.message;
    assert!(message.contains("fetching"), "{message}");
    let second = page(send(port_of(&step), "code=d&state=st").await).await;
    assert!(second.starts_with("HTTP/1.1 410") && second.contains("over"), "{second}");
    let pasted = world.paste(step.login, "code=e&state=st").await.unwrap_err();
    assert_eq!(pasted.kind, "no-such-login");
    world.service.open.add_permits(1);
    assert!(page(first).await.starts_with("HTTP/1.1 200"));
    assert!(end(&mut participation).await.0.is_ok());
    assert_eq!(*world.service.redeemed.lock().unwrap(), ["c"]);
}

#[tokio::test]
async fn the_page_of_a_failed_login_says_what_and_why() {
    let service = Service::new(true, false);
    *service.redemption.lock().unwrap() = Some(Failure::no("refused", "a.example said <no>", "check it"));
    let (_world, mut participation, step) = begin(service).await;
    let page_of_it = page(send(port_of(&step), "code=c&state=st").await).await;
    assert!(
        page_of_it.contains("a.example said &lt;no&gt;") && page_of_it.contains("check it"),
        "{page_of_it}"
    );
    assert_eq!(end(&mut participation).await.0.unwrap_err().code, Code::REFUSED);

    let (world, mut participation, step) = begin(Service::new(true, false)).await;
    let page = page(send(port_of(&step), "error=access_denied&state=st").await).await;
    assert!(page.contains("did not work"), "{page}");
    let failure = end(&mut participation).await.0.unwrap_err();
    assert_eq!((failure.code, &*failure.kind), (Code::DENIED, DECLINED));
    assert!(world.service.redeemed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn where_the_browser_ends_may_be_pasted() {
    let (world, mut participation, step) = begin(Service::new(true, false)).await;
    for (url, words) in [
        ("http://127.0.0.1:1/cb?code=c&state=x", "state does not match"),
        ("https://a.example/authorize?state=st&response_type=code", "there is no code"),
        ("hello", "no address that a login ends at"),
    ] {
        let failure = world.paste(step.login, url).await.unwrap_err();
        assert_eq!((failure.code, &*failure.kind), (Code::USAGE, "wrong-redirect"), "{url}");
        assert!(failure.message.contains(words), "{failure}");
    }
    let other = world.paste(step.login + 1, "code=c&state=st").await.unwrap_err();
    assert_eq!(other.kind, "no-such-login");
    world.paste(step.login, "http://127.0.0.1:1/cb?code=c&state=st").await.unwrap();
    let (result, said) = end(&mut participation).await;
    assert!(result.is_ok());
    assert_eq!(said.len(), 1, "those who pasted were told themselves: {said:?}");
}

#[tokio::test]
async fn a_paste_that_is_a_little_wrong_ends_nothing() {
    let service = Service { issuer: Some("https://a.example"), ..Service::new(true, false) };
    let (world, mut participation, step) = begin(service).await;
    for (query, words) in [
        ("code=c&state=st", "its iss does not match"),
        ("code=c&state=st&iss=https%3A%2F%2Fa.exa", "its iss does not match"),
        ("code=c&state=st&iss=https%3A%2F%2Fa.exampl%", "its iss does not match"),
        ("error=access_denied&state=st&iss=https%3A%2F%2Fb.example", "its iss does not match"),
        ("state=st&iss=https%3A%2F%2Fa.example", "no code"),
        ("code=&state=st&iss=https%3A%2F%2Fa.example", "no code"),
        ("code=c&iss=https%3A%2F%2Fa.example&stat", "cut off"),
        ("code=c&state=s", "cut off"),
    ] {
        let url = format!("http://127.0.0.1:1/cb?{query}");
        let failure = world.paste(step.login, &url).await.unwrap_err();
        assert_eq!((failure.code, &*failure.kind), (Code::USAGE, "wrong-redirect"), "{url}");
        assert!(failure.message.contains(words), "{failure}");
    }
    assert!(world.service.redeemed.lock().unwrap().is_empty());
    let right = "\u{1b}[200~<http://127.0.0.1:1/cb?code=c&state=st&iss=https%3A%2F%2Fa.example>\u{1b}[201~";
    world.paste(step.login, right).await.unwrap();
    assert!(end(&mut participation).await.0.is_ok());
    assert_eq!(*world.service.redeemed.lock().unwrap(), ["c"]);
}

#[tokio::test]
async fn another_issuer_in_a_browser_ends_the_login() {
    let service = Service { issuer: Some("https://a.example"), ..Service::new(true, false) };
    let (world, mut participation, step) = begin(service).await;
    let query = "code=c&state=st&iss=https%3A%2F%2Fb.example";
    let page = page(send(port_of(&step), query).await).await;
    assert!(page.contains("did not work"), "{page}");
    let failure = end(&mut participation).await.0.unwrap_err();
    assert_eq!((failure.code, &*failure.kind), (Code::REFUSED, "wrong-issuer"));
    assert!(world.service.redeemed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_device_flow_takes_no_address() {
    let world = World::of(Service::new(false, true)).await;
    let mut participation = world.log_in();
    let step = main_step(&mut participation).await;
    assert_eq!(world.paste(step.login, "code=c&state=st").await.unwrap_err().kind, "no-redirect");
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_ten_minutes() {
    let (world, mut participation, step) = begin(Service::new(true, false)).await;
    world.pass(601).await;
    let failure = end(&mut participation).await.0.unwrap_err();
    assert_eq!((failure.code, &*failure.kind), (Code::NOT_NOW, "login-timeout"));
    assert!(TcpStream::connect(("127.0.0.1", port_of(&step))).await.is_err());
}

#[tokio::test]
async fn who_leaves_closes_the_listener_and_the_next_login_may_have_its_port() {
    let free = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let service = Service { port: Some(port), ..Service::new(true, false) };
    let world = World::of(service).await;
    let mut first = world.log_in();
    assert_eq!(main_step(&mut first).await.step, LoginStep::BROWSER);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());
    drop(first);
    let mut second = world.log_in();
    assert_eq!(main_step(&mut second).await.step, LoginStep::BROWSER);
    drop(second);
    settle().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(!world.has_token());
}

#[tokio::test]
async fn a_port_that_is_taken_matters_only_where_the_browser_is_here() {
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = Some(taken.local_addr().unwrap().port());
    let world = World::of(Service { port, ..Service::new(true, false) }).await;
    assert_eq!(end(&mut world.log_in()).await.0.unwrap_err().kind, "redirect-port");
    let asked = Login { way: Login::REDIRECT.to_owned(), ..request() };
    let mut participation = world.try_log_in(&asked).unwrap();
    let step = main_step(&mut participation).await;
    world.paste(step.login, "code=c&state=st").await.unwrap();
    assert!(end(&mut participation).await.0.is_ok());
}
