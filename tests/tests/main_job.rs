//! The main job: a token of every kind of account, taken by its service, always fresh, asked for once.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokend_tests::accounts;
use tokend_tests::platform::{self, CROWD};
use tokend_tests::real_time::{Stopwatch, at_once, let_pass, paced, timed};
use tokend_tests::sandbox::{Said, Sandbox, eventually};
use tokend_tests::stand_in::{
    BodyKind, ClientAuth, Discovery, Fault, Hole, HttpLogin, ItsYouOnline, LyveCloud, OAuthServer,
    OpenvCloud, Service, StandIn, Standing, TokenForm, call,
};

const SOON: Duration = Duration::from_secs(10);

/// The status of a request with the header that `tok header` printed.
fn status_with_header(sandbox: &Sandbox, account: &str, method: &str, url: &str) -> u16 {
    let said = sandbox.tok(["header", account]);
    assert_eq!(said.code, 0, "tok header {account}: {said:?}");
    let (name, value) = said.stdout.trim_end().split_once(": ").expect("a header");
    call(method, url, &[(name, value)], "").expect("an answer").status
}

/// The status of a call to an OpenvCloud with a form as its body.
fn status_with_form(service: &OpenvCloud, form: &str) -> u16 {
    let url = format!("{}/restmachine/cloudapi/cloudspaces/list", service.url());
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    call("POST", &url, &headers, form).expect("an answer").status
}

#[test]
fn the_api_of_each_service_takes_its_token() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let iyo = ItsYouOnline::start();
    let ovc = OpenvCloud::builder().with(|ovc| ovc.jwts = Some(iyo.tokens())).start();
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve-prod", &lyve),
            accounts::its_you_online(&sandbox, "gen1", &iyo),
            accounts::openv_cloud(&sandbox, "gen1-legacy", &ovc),
        ]
        .concat(),
    );
    let _daemon = sandbox.start();

    assert!(lyve.is_live(&sandbox.token("lyve-prod")));
    let buckets = format!("{}/v2/buckets", lyve.url());
    assert_eq!(status_with_header(&sandbox, "lyve-prod", "GET", &buckets), 200);

    assert!(iyo.is_live(&sandbox.token("gen1")));
    let spaces = format!("{}/restmachine/cloudapi/cloudspaces/list", ovc.url());
    assert_eq!(status_with_header(&sandbox, "gen1", "POST", &spaces), 200);
    let asked = &iyo.ledger()[0];
    assert_eq!(asked.field("scope"), Some("user:memberof:greenitglobe"));
    assert_eq!((asked.body_kind, asked.query.len()), (BodyKind::Form, 0), "queries end in logs");

    assert!(ovc.is_live(&sandbox.token("gen1-legacy")));
    let form = sandbox.tok(["get", "--format", "form", "gen1-legacy"]);
    assert!(form.stdout.starts_with("authkey="), "{form:?}");
    assert_eq!(status_with_form(&ovc, form.stdout.trim_end()), 200);
    let no_header = sandbox.tok(["header", "gen1-legacy"]);
    assert_eq!((no_header.code, no_header.stdout.as_str()), (2, ""));
    let (what, hint) = no_header.error();
    assert!(format!("{what} {hint}").contains("form"), "{no_header:?}");

    for (requests, service) in
        [(lyve.token_requests(), "lyve"), (iyo.token_requests(), "iyo"), (ovc.token_requests(), "ovc")]
    {
        assert_eq!(requests, 1, "{service} was asked once for all of that");
    }
}

#[test]
fn oauth2_clients_are_known_by_discovery_or_endpoint_with_either_method_and_any_secret() {
    let ways = [(ClientAuth::Basic, "client_secret_basic"), (ClientAuth::Post, "client_secret_post")];
    let secrets = ["s+cret %&=:ü", "p%41ss+w=r&d/:~ x", r#"quote " back \ slash"#, "plain"];
    let sandbox = Sandbox::new();
    let mut services = Vec::new();
    let mut text = String::new();
    for (client_auth, method) in ways {
        for secret in secrets {
            let service = OAuthServer::builder()
                .with(|oauth| {
                    oauth.client_auth = client_auth;
                    secret.clone_into(&mut oauth.client_secret);
                    "/tenant/v2.0".clone_into(&mut oauth.issuer_path);
                    oauth.discovery = Discovery::OpenId;
                })
                .start();
            let number = services.len();
            text += &accounts::oauth2(&sandbox, &format!("found-{number}"), &service);
            text += &accounts::oauth2_at_endpoint(&sandbox, &format!("told-{number}"), &service, method);
            services.push((service, client_auth));
        }
    }
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    for (number, (service, client_auth)) in services.iter().enumerate() {
        for account in [format!("found-{number}"), format!("told-{number}")] {
            let api = format!("{}/api/whoami", service.url());
            assert_eq!(status_with_header(&sandbox, &account, "GET", &api), 200, "{account}");
        }
        assert_eq!((service.token_requests(), service.issued()), (2, 2));
        for asked in service.ledger().iter().filter(|entry| entry.token_request) {
            assert_eq!(asked.grant_type.as_deref(), Some("client_credentials"));
            assert_eq!(asked.basic().is_some(), *client_auth == ClientAuth::Basic);
            assert_eq!(asked.field("client_secret").is_some(), *client_auth == ClientAuth::Post);
        }
    }
}

#[test]
fn any_login_a_program_and_a_static_secret_are_accounts_too() {
    let sandbox = Sandbox::new();
    let login = HttpLogin::start();
    let text_login = HttpLogin::builder()
        .with(|login| {
            "$TOKEN".clone_into(&mut login.template);
            login.content_type = String::new();
            login.token_form = TokenForm::Jwt;
        })
        .start();
    let as_form = format!(
        "[accounts.as-form]\ntype = 'http'\n\
         request = {{ url = '{}/login', method = 'POST', form = {{ user = 'svc', key = '${{secret:key}}' }} }}\n\
         secrets = {{ key = {{ file = '~/internal.secret' }} }}\n\
         response = {{ body = 'text', expiry = 'jwt' }}\n",
        text_login.url()
    );
    let program = format!(
        "[accounts.cloud-cli]\ntype = 'command'\ncommand = {:?}\nlifetime = '55m'\n",
        platform::prints("from-a-program")
    );
    sandbox.configure(
        &[
            &accounts::http_login(&sandbox, "internal", &login),
            as_form.as_str(),
            &program,
            &accounts::static_token(&sandbox, "legacy-api-key", "as-it-is"),
        ]
        .concat(),
    );
    let _daemon = sandbox.start();

    for (account, service) in [("internal", &login), ("as-form", &text_login)] {
        let api = format!("{}/api", service.url());
        assert_eq!(status_with_header(&sandbox, account, "GET", &api), 200, "{account}");
        assert!(service.is_live(&sandbox.token(account)), "{account}");
        let left = sandbox.status(account)["expires_in"].as_u64();
        assert!(left.is_some_and(|left| (3500..=3600).contains(&left)), "{account}: {left:?}");
    }
    assert_eq!(sandbox.token("cloud-cli"), "from-a-program");
    let left = sandbox.status("cloud-cli")["expires_in"].as_u64();
    assert!(left.is_some_and(|left| (3200..=3300).contains(&left)), "{left:?}");
    assert_eq!(sandbox.token("legacy-api-key"), "as-it-is");
    assert_eq!(sandbox.status("legacy-api-key")["expires_in"], Value::Null);
}

/// 20 s of asking 20 times a second for tokens that live 8 s: each is alive when it comes, and each request to the
/// service brought one of them.
fn ask_for_20_seconds<S: Service>(
    sandbox: &Sandbox,
    account: &str,
    service: &StandIn<S>,
    api_takes: impl Fn(&str, bool) -> bool,
) {
    let mut seen = BTreeSet::new();
    let asking = Stopwatch::start();
    paced(Duration::from_millis(50), 400, |index| {
        let ask = Stopwatch::start();
        let token = sandbox.token(account);
        // One that died since it was asked for may have been alive when it came.
        let was_alive = |token: &str| match service.tokens().standing(token) {
            Standing::Live(_) => true,
            Standing::Expired(issued) => issued.expires_at.elapsed().is_ok_and(|dead| dead < ask.elapsed()),
            Standing::Unknown => false,
        };
        assert!(was_alive(&token), "{account}: ask {index} brought a dead token");
        let is_new = !seen.contains(&token);
        let is_taken = api_takes(&token, is_new) || !service.is_live(&token) && was_alive(&token);
        assert!(is_taken, "{account}: the API refused what ask {index} brought");
        seen.insert(token);
    });
    // A request may be under way just now: its token comes in a moment.
    eventually(&format!("one request for each token of {account}"), || {
        seen.insert(sandbox.token(account));
        (service.token_requests() == seen.len()).then_some(())
    });
    // On a busy machine it takes longer than 20 s. Each is used for half of its life at the least.
    let lives = asking.elapsed().as_secs() / 8;
    println!("{account}: {} different tokens in {lives} lifetimes", seen.len());
    let expected = usize::try_from(lives).unwrap_or(0).max(3)..=usize::try_from(lives * 2 + 4).unwrap_or(0);
    assert!(expected.contains(&seen.len()), "{account}: {} different tokens", seen.len());
    assert_eq!(service.issued(), seen.len(), "{account}");
}

#[test]
fn a_dead_token_never_comes_in_twenty_seconds_of_asking_while_tokens_live_eight() {
    const LIFE: Duration = Duration::from_secs(8);
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().lifetime(LIFE).start();
    let iyo = ItsYouOnline::builder().lifetime(LIFE).start();
    let ovc = OpenvCloud::builder().lifetime(LIFE).start();
    let trusting = OpenvCloud::builder().with(|ovc| ovc.jwts = Some(iyo.tokens())).start();
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::its_you_online(&sandbox, "iyo", &iyo),
            // Nobody tells how long this one's keys live.
            accounts::openv_cloud(&sandbox, "ovc", &ovc) + "assume_lifetime = '8s'\n",
        ]
        .concat(),
    );
    let _daemon = sandbox.start();

    let status = |method: &str, url: String, header: String| {
        call(method, &url, &[("Authorization", &header)], "").map_or(0, |reply| reply.status)
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            ask_for_20_seconds(&sandbox, "lyve", &lyve, |token, _| {
                status("GET", format!("{}/v2/buckets", lyve.url()), format!("Bearer {token}")) == 200
            });
        });
        scope.spawn(|| {
            ask_for_20_seconds(&sandbox, "iyo", &iyo, |token, _| {
                let url = format!("{}/restmachine/cloudapi/cloudspaces/list", trusting.url());
                status("POST", url, format!("bearer {token}")) == 200
            });
        });
        scope.spawn(|| {
            // A key that is used lives on, so that none would ever be seen dead: each is used once, when it is new.
            ask_for_20_seconds(&sandbox, "ovc", &ovc, |token, is_new| {
                !is_new || status_with_form(&ovc, &format!("authkey={token}")) == 200
            });
        });
    });
}

#[test]
fn two_hundred_clients_at_once_on_a_cold_account_cost_one_request() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&(accounts::lyve_cloud(&sandbox, "lyve", &lyve) + "refresh = 'on-demand'\n"));
    let _daemon = sandbox.start();
    assert_eq!(lyve.requests(), 0, "the account is cold");
    // Slow enough that all of them wait for the same answer.
    lyve.fault(Fault::Slow(Duration::from_secs(15)).once());

    let clients: Vec<Child> = (0..CROWD)
        .map(|_| {
            let mut tok = sandbox.command("tok");
            tok.args(["get", "lyve"]).stdout(Stdio::piped()).stderr(Stdio::piped());
            tok.spawn().expect("tok starts")
        })
        .collect();
    assert_eq!(lyve.ledger().last().and_then(|asked| asked.status), None, "all were there before the answer");
    let answers: BTreeSet<(i32, String)> = clients
        .into_iter()
        .map(|tok| Said::from(tok.wait_with_output().expect("tok ends")))
        .map(|said| (said.code, said.stdout))
        .collect();

    let answers: Vec<_> = answers.iter().collect();
    assert!(
        matches!(answers[..], [(0, token)] if lyve.is_live(token.trim_end())),
        "{} answers",
        answers.len()
    );
    assert_eq!((lyve.token_requests(), lyve.issued()), (1, 1));
    assert_eq!(sandbox.status("lyve")["served"], CROWD);
}

#[test]
fn an_eager_account_has_its_token_before_anybody_asks_and_one_on_demand_does_not() {
    let sandbox = Sandbox::new();
    let (eager, lazy) = (LyveCloud::start(), LyveCloud::start());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "eager", &eager),
            accounts::lyve_cloud(&sandbox, "lazy", &lazy) + "refresh = 'on-demand'\n",
        ]
        .concat(),
    );
    let _daemon = sandbox.start();

    eventually("the eager account's token", || (sandbox.status("eager")["state"] == "fresh").then_some(()));
    assert_eq!(sandbox.status("eager")["served"], 0, "nobody asked");
    sandbox.token("eager");
    assert_eq!(eager.requests(), 1);

    assert_eq!(sandbox.status("lazy")["state"], "idle");
    assert_eq!(lazy.requests(), 0);
    let token = sandbox.token("lazy");
    assert_eq!(sandbox.token("lazy"), token);
    assert_eq!((lazy.requests(), lazy.is_live(&token)), (1, true));
}

#[test]
fn an_account_on_demand_is_not_refreshed_unasked() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().lifetime(Duration::from_secs(2)).start();
    sandbox.configure(&(accounts::lyve_cloud(&sandbox, "lyve", &lyve) + "refresh = 'on-demand'\n"));
    let _daemon = sandbox.start();

    let first = sandbox.token("lyve");
    eventually("the token's end", || (sandbox.status("lyve")["state"] == "idle").then_some(()));
    assert_eq!(lyve.requests(), 1);
    assert_ne!(sandbox.token("lyve"), first);
    assert_eq!(lyve.requests(), 2);
}

#[test]
fn an_auto_account_is_kept_once_asked_for_and_sleeps_after_three_unused_lifetimes() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().lifetime(Duration::from_secs(2)).start();
    sandbox.configure(&(accounts::lyve_cloud(&sandbox, "lyve", &lyve) + "refresh = 'auto'\n"));
    let _daemon = sandbox.start();
    assert_eq!((lyve.requests(), &sandbox.status("lyve")["state"]), (0, &json!("idle")));

    sandbox.token("lyve");
    assert!(lyve.wait_for_token_requests(3, SOON), "kept fresh unasked");
    // The last of its tokens dies unused.
    eventually("its sleep", || (sandbox.status("lyve")["state"] == "idle").then_some(()));
    let asleep = lyve.requests();
    assert!((3..=6).contains(&asleep), "{asleep} requests in three lifetimes");
    let_pass(Duration::from_secs(3), "a sleeping account is seen to sleep by what does not happen");
    assert_eq!(lyve.requests(), asleep);
    assert!(lyve.is_live(&sandbox.token("lyve")), "asked again, it wakes");
    assert!(lyve.wait_for_token_requests(asleep + 2, SOON), "and is kept again");
}

#[test]
fn a_demand_for_life_is_met_or_refused_for_now_or_for_good() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().lifetime(Duration::from_secs(30)).start();
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::static_token(&sandbox, "fixed", "of-unknown-life"),
        ]
        .concat(),
    );
    let _daemon = sandbox.start();
    let demand = |account: &str, life: &str| sandbox.tok(["get", account, "--min-valid", life]);

    let token = sandbox.token("lyve");
    let met = demand("lyve", "10s");
    assert_eq!((met.code, met.stdout.trim_end()), (0, token.as_str()));

    let (never, took) = timed(|| demand("lyve", "1h"));
    assert_eq!((never.code, never.stdout.as_str()), (10, ""), "{never:?}");
    let at_once = at_once(|| drop(sandbox.tok(["version"])));
    assert!(took < at_once, "at once ({at_once:?}), not after {took:?}");
    let (what, _) = never.error();
    assert!(what.contains("30s"), "the longest that it gave: {what}");
    assert_eq!(lyve.requests(), 1, "nobody asks for what never comes");

    let unknown = demand("fixed", "1s");
    assert_eq!(unknown.code, 10, "an unknown expiry fails a demand: {unknown:?}");
    assert_eq!(sandbox.token("fixed"), "of-unknown-life", "and satisfies a wish");

    lyve.outage(true);
    let_pass(Duration::from_millis(1100), "the token has less than 29 s then, which a new one would have");
    let not_now = demand("lyve", "29s");
    assert_eq!((not_now.code, not_now.stdout.as_str()), (6, ""), "{not_now:?}");
    let (_, hint) = not_now.error();
    assert!(hint.contains("next try is in"), "{hint}");
    assert_eq!(sandbox.token("lyve"), token, "without a demand the valid token is served");

    // Long enough that it is met however slow the machine is.
    lyve.set_lifetime(Duration::from_secs(300));
    lyve.outage(false);
    let longer = eventually("a longer token", || {
        let said = demand("lyve", "29s");
        (said.code == 0).then_some(said.stdout)
    });
    assert_ne!(longer.trim_end(), token);
    assert!(lyve.is_live(longer.trim_end()));
}

#[test]
fn a_demand_for_a_whole_life_is_never_met_and_asks_for_nothing() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().lifetime(Duration::from_secs(30)).start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let _daemon = sandbox.start();
    sandbox.token("lyve");
    // A token that lives 30 s has less when it arrives: asking again and again would bring none.
    for _ in 0..5 {
        let said = sandbox.tok(["get", "lyve", "--min-valid", "30s", "--timeout", "3s"]);
        assert_eq!((said.code, said.stdout.as_str()), (10, ""), "{said:?}");
    }
    assert_eq!(lyve.requests(), 1);
}

#[test]
fn a_caller_waits_for_a_hanging_service_as_long_as_it_says() {
    let sandbox = Sandbox::new();
    let hole = Hole::start();
    sandbox.configure(&(accounts::hanging(&sandbox, "stuck", &hole) + "refresh = 'on-demand'\n"));
    let _daemon = sandbox.start();

    for seconds in [1, 2] {
        let limit = format!("{seconds}s");
        let (said, took) = timed(|| sandbox.tok(["get", "stuck", "--timeout", &limit]));
        assert_eq!((said.code, said.stdout.as_str()), (6, ""), "{said:?}");
        let (what, hint) = said.error();
        assert!(!what.is_empty() && !hint.is_empty());
        let seconds = Duration::from_secs(seconds);
        let at_once = at_once(|| drop(sandbox.tok(["version"])));
        assert!((seconds..seconds + at_once).contains(&took), "{took:?} for --timeout {limit}");
    }
    assert_eq!(hole.connections(), 1, "both waited for the same request");
}

#[test]
fn a_scope_that_callers_may_ask_for_has_its_own_token_and_any_other_is_denied() {
    let sandbox = Sandbox::new();
    let oauth = OAuthServer::start();
    sandbox.configure(
        &(accounts::oauth2(&sandbox, "graph", &oauth)
            + "scope = ['files.read', 'files.write']\nrequest_scopes = ['mail.read']\n"),
    );
    let _daemon = sandbox.start();
    let get = |words: &[&str]| {
        let said = sandbox.tok(["get", "graph"].iter().chain(words));
        (said.code, said.stdout.trim_end().to_owned())
    };
    let last_scope = || {
        let asked = oauth.ledger().into_iter().rfind(|entry| entry.token_request);
        asked.and_then(|asked| asked.field("scope").map(str::to_owned)).unwrap_or_default()
    };

    let own = sandbox.token("graph");
    assert_eq!(last_scope(), "files.read files.write");
    let (code, mail) = get(&["--scope", "mail.read"]);
    assert_eq!((code, oauth.is_live(&mail), last_scope().as_str()), (0, true, "mail.read"));
    assert_ne!(mail, own);
    assert_eq!(get(&["--scope", "mail.read"]), (0, mail), "it is kept");
    let (code, part) = get(&["--scope", "files.read"]);
    assert_eq!((code, oauth.is_live(&part), last_scope().as_str()), (0, true, "files.read"));
    assert_eq!(oauth.token_requests(), 3);

    for same in
        [&["--scope", "files.write files.read"][..], &["--scope", "files.write", "--scope", "files.read"]]
    {
        assert_eq!(get(same), (0, own.clone()), "the account's own scopes are its own token");
    }
    let denied = sandbox.tok(["get", "graph", "--scope", "admin"]);
    assert_eq!((denied.code, denied.stdout.as_str()), (7, ""));
    let (what, hint) = denied.error();
    assert!(what.contains("admin") && hint.contains("request_scopes"), "{denied:?}");
    assert_eq!(get(&["--scope", "mail.read", "--scope", "admin"]).0, 7);
    assert_eq!(oauth.token_requests(), 3, "nobody is asked for what is denied");

    let (code, other) = get(&["--audience", "urn:files"]);
    assert_eq!((code, oauth.is_live(&other)), (0, true));
    assert_eq!(oauth.ledger().last().map(|asked| asked.fields_named("audience").len()), Some(1));
    assert_eq!(oauth.token_requests(), 4);
}

#[test]
fn json_says_what_the_token_is_good_for() {
    let sandbox = Sandbox::new();
    let iyo = ItsYouOnline::builder().lifetime(Duration::from_secs(600)).start();
    sandbox.configure(&accounts::its_you_online(&sandbox, "gen1", &iyo));
    let _daemon = sandbox.start();
    let said = sandbox.tok(["get", "gen1", "--format", "json"]);
    let object: Value = serde_json::from_str(&said.stdout).expect("an object");
    let token = object["token"].as_str().expect("a token");
    assert!(iyo.is_live(token));
    assert_eq!((&object["account"], &object["scheme"]), (&json!("gen1"), &json!("bearer")));
    assert_eq!(object["scope"], json!(["user:memberof:greenitglobe"]), "{}", object["scope"]);
    assert!(object["expires_in"].as_u64().is_some_and(|left| (580..=600).contains(&left)));
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("three parts")).expect("base64url");
    let claims: Value = serde_json::from_slice(&claims).expect("claims");
    assert_eq!(claims["scope"], object["scope"]);
}
