//! The story, chapter by chapter. Each step is checked: one that does not do what it says ends it.

use std::thread;

use tokend_tests::interrupt::Interrupt;
use tokend_tests::sandbox::Said;

use crate::cut::{Cut, ensure};
use crate::stage::{ACCOUNTS, GEN1, LEGACY, LIFE, LYVE, Stage, given};
use crate::voice::{Voice, ends};

/// How many ask at once.
const CROWD: usize = 40;

/// Tells it, and takes everything away that it needed.
pub(crate) fn tell(voice: Voice, interrupt: Interrupt) -> Result<(), Cut> {
    let mut stage = Stage::set(voice, interrupt);
    let told = chapters(&mut stage);
    match told {
        Err(Cut::Failed(what)) => {
            Err(Cut::Failed(format!("{what}\n--- the log of tokend:\n{}", stage.log())))
        }
        Err(other) => Err(other),
        Ok(()) => curtain(stage),
    }
}

fn chapters(stage: &mut Stage) -> Result<(), Cut> {
    opening(stage)?;
    tokens(stage)?;
    status(stage)?;
    rotation(stage)?;
    outage(stage)?;
    rejection(stage)?;
    the_end(stage)
}

fn opening(stage: &mut Stage) -> Result<(), Cut> {
    let life = LIFE.as_secs();
    stage.voice.chapter("tokend, the token agent")?;
    stage.voice.say(&format!(
        "It holds your secrets, fetches tokens with them, and has a fresh one for whoever runs `tok`.\n\
         You see the real programs, in a home that is removed at the end. Only the three services are\n\
         stand-ins on this machine, and their tokens live {life} seconds: nobody wants to wait for a day."
    ))?;
    let [lyve_secret, iyo_secret, password] = stage.secrets();
    stage.home.secret_file("lyve", &format!("{lyve_secret}\n"));
    stage.home.secret_file("itsyouonline", &format!("{iyo_secret}\n"));
    let configuration = configuration(stage);
    stage.home.configure(&configuration);

    stage.voice.command("cat ~/.config/tokend/config.toml")?;
    stage.voice.output(&configuration)?;
    stage.voice.say(
        "Three services, three kinds of login. It says where the secrets are, and never what they are.",
    )?;

    stage.voice.command("tokend check | tail -1")?;
    let said = tokend_tests::sandbox::run(stage.home.command("tokend").arg("check"));
    ensure(said.code == 0, || format!("tokend check ended with {}:\n{}", said.code, said.stderr))?;
    stage.voice.output(said.stdout.lines().last().unwrap_or_default())?;

    stage.voice.command("tokend &")?;
    let started = stage.home.try_start(|command| {
        command.env("OVC_PASSWORD", password);
    });
    stage.daemon =
        Some(started.map_err(|said| Cut::failed(format!("tokend did not start:\n{}", said.stderr)))?);
    stage.until_given(&stage.lyve, 1)?;
    stage.until_given(&stage.iyo, 1)?;
    stage.until_given(&stage.ovc, 1)?;
    Ok(stage
        .voice
        .say("It runs, and it has asked each service for a token already: before anybody needs one.")?)
}

/// What a person would write, and what the stand-ins need on top.
fn configuration(stage: &Stage) -> String {
    let (lyve, iyo, ovc) = (stage.lyve.url(), stage.iyo.url(), stage.ovc.url());
    let life = LIFE.as_secs();
    format!(
        r#"[accounts.lyve-prod]
type       = "lyve-cloud"
url        = "{lyve}"
account_id = "acme"
access_key = "AKLYVE"
secret     = {{ file = "~/lyve" }}

[accounts.gen1]                     # OpenvCloud, through a JWT of ItsYou.online
type          = "itsyouonline"
url           = "{iyo}"
client_id     = "alice-cli"
client_secret = {{ file = "~/itsyouonline" }}
scope         = ["user:memberof:greenitglobe"]

[accounts.gen1-legacy]              # OpenvCloud, with a user name and a password
type            = "openvcloud"
url             = "{ovc}"
username        = "alice"
password        = {{ env = "OVC_PASSWORD" }}
assume_lifetime = "{life}s"              # this service does not say how long its keys live
"#
    )
}

fn tokens(stage: &mut Stage) -> Result<(), Cut> {
    stage.voice.chapter("A token is one short command away")?;
    stage
        .voice
        .say("`tok get` prints the token and nothing else. Here it is shortened, since this is a screen.")?;
    for account in ACCOUNTS {
        stage.type_get(account, &[])?;
    }
    stage.voice.say(
        "For requests there is `tok curl`. It puts the token where the service wants it, in a header or, for\n\
         the last one, in a form; and no process list ever shows it.",
    )?;
    for (account, wanted) in [(LYVE, "photos"), (GEN1, "DEPLOYED"), (LEGACY, "DEPLOYED")] {
        let body = stage.type_request(account)?;
        ensure(body.contains(wanted), || {
            format!("the API of {} did not take its token: {body}", account.name)
        })?;
    }

    let before = stage.lyve.token_requests();
    stage.voice.command(&format!("for i in $(seq {CROWD}); do tok get lyve-prod & done; wait"))?;
    let home = &stage.home;
    let said: Vec<Said> = thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD).map(|_| scope.spawn(|| home.tok(["get", LYVE.name]))).collect();
        crowd.into_iter().filter_map(|one| one.join().ok()).collect()
    });
    let served =
        said.iter().filter(|said| said.code == 0 && stage.lyve.is_live(said.stdout.trim_end())).count();
    ensure(served == CROWD, || format!("of {CROWD} at once only {served} got a live token: {said:?}"))?;
    let asked = stage.lyve.token_requests();
    // A rotation may fall into it.
    ensure(asked <= before + 1, || format!("{CROWD} callers made {} requests", asked - before))?;
    let times = if asked == 1 { "once".to_owned() } else { format!("{asked} times") };
    stage.voice.output(&format!("({served} live tokens)"))?;
    Ok(stage.voice.say(&format!(
        "However many ask, the service hears one request: Lyve Cloud was asked {times} since the start."
    ))?)
}

fn status(stage: &mut Stage) -> Result<(), Cut> {
    stage.voice.chapter("How is everything?")?;
    for account in ACCOUNTS {
        stage.until(&format!("{} in state fresh", account.name), |stage| {
            Ok(matches!(stage.status(account)?["state"].as_str(), Some("fresh" | "refreshing")))
        })?;
    }
    stage.type_status(&[])
}

fn rotation(stage: &mut Stage) -> Result<(), Cut> {
    stage.voice.chapter("Fresh before the old one dies")?;
    stage.voice.say(
        "A token is replaced after about four fifths of its life, whether anyone asks or not.\n\
         In some seconds all three are new:",
    )?;
    let before = (given(&stage.lyve), given(&stage.iyo), given(&stage.ovc));
    let mut old = Vec::new();
    for account in ACCOUNTS {
        old.push(stage.get(account, &[])?);
    }
    stage.until_given(&stage.lyve, before.0 + 1)?;
    stage.until_given(&stage.iyo, before.1 + 1)?;
    stage.until_given(&stage.ovc, before.2 + 1)?;
    stage.voice.gap()?;
    for (account, old) in ACCOUNTS.into_iter().zip(old) {
        let mut new = String::new();
        stage.until(&format!("another token of {}", account.name), |stage| {
            new = stage.get(account, &[])?;
            Ok(new != old)
        })?;
        let fate = if stage.is_live(account, &old) {
            "the old one has some life left"
        } else {
            "the old one is dead by now"
        };
        let (old, new) = (ends(&old), ends(&new));
        stage.voice.output(&format!("{:11}  {old} -> {new}   {fate}", account.name))?;
    }
    Ok(stage.voice.say("Nobody waited for that, and nobody was given a dead one.")?)
}

fn outage(stage: &mut Stage) -> Result<(), Cut> {
    stage.voice.chapter("A service goes down")?;
    stage.voice.say(
        "A script that needs some seconds of life says so. This is a demand: a token with less left is\n\
         replaced first. Then ItsYou.online stops, and nobody listens on its port any more.",
    )?;
    let held = stage.type_get(GEN1, &["--min-valid", "5s"])?;
    stage.iyo.outage(true);
    stage.voice.event("ItsYou.online is down")?;
    let said = stage.type_tok(&["refresh", GEN1.name])?;
    stage.voice.output(&said.stderr)?;
    ensure(said.code == 6 && said.stderr.lines().count() == 2, || {
        format!("tok refresh should have ended with 6 and said why in two lines: {said:?}")
    })?;
    stage.voice.say(
        "Exit status 6: not now. What happened, and what to do, as every error of tok. And the token?",
    )?;
    let still = stage.type_get(GEN1, &[])?;
    ensure(still == held, || "the token changed while its service was down".to_owned())?;
    let body = stage.type_request(GEN1)?;
    ensure(body.contains("DEPLOYED"), || format!("OpenvCloud did not take the token: {body}"))?;
    stage.voice.say(
        "It is served and it works: a refresh that fails throws nothing away. `tok status` knows more:",
    )?;
    let mut status = stage.status(GEN1)?;
    stage.until("gen1 in state waiting", |stage| {
        status = stage.status(GEN1)?;
        Ok(status["state"] == "waiting")
    })?;
    let hint = status["last_error"]["hint"].as_str().unwrap_or_default();
    ensure(!hint.is_empty(), || format!("tok status names no remedy: {status}"))?;
    stage.type_status(&[])?;

    let before = given(&stage.iyo);
    stage.iyo.outage(false);
    stage.voice.event("ItsYou.online is back")?;
    stage.voice.say("Nobody has to tell tokend. Its next try finds out:")?;
    stage.until_given(&stage.iyo, before + 1)?;
    stage.until("gen1 in state fresh", |stage| Ok(stage.status(GEN1)?["state"] == "fresh"))?;
    let new = stage.type_get(GEN1, &[])?;
    ensure(new != held, || "the token is the old one".to_owned())?;
    stage.type_status(&[GEN1.name])
}

fn rejection(stage: &mut Stage) -> Result<(), Cut> {
    stage.voice.chapter("A token is revoked")?;
    // Away from the next rotation, which would mend it unasked.
    stage.get(LYVE, &["--min-valid", "4s"])?;
    stage.voice.event("somebody revokes all tokens of Lyve Cloud")?;
    stage.voice.say(
        "tokend cannot know that. Whoever uses the token notices (here by a 400, where others say 401):",
    )?;
    stage.lyve.revoke_all();
    let before = given(&stage.lyve);
    let body = stage.type_request(LYVE)?;
    ensure(body.contains("InvalidToken"), || format!("Lyve Cloud took a revoked token: {body}"))?;
    stage.voice.say(
        "So tell tokend. The token goes in on standard input, and only its SHA-256 goes to the daemon:",
    )?;
    stage.voice.command("tok get lyve-prod | tok reject lyve-prod")?;
    let refused = stage.tok(&["get", LYVE.name])?.stdout;
    let said = stage.home.tok_with_input(["reject", LYVE.name], &refused);
    ensure(said.code == 0 && said.stdout.is_empty(), || format!("tok reject should be silent: {said:?}"))?;
    let new = stage.type_get(LYVE, &[])?;
    ensure(new != refused.trim_end(), || "the rejected token was served again".to_owned())?;
    let body = stage.type_request(LYVE)?;
    ensure(body.contains("photos"), || format!("the API did not take the new token: {body}"))?;
    let asked = given(&stage.lyve) - before;
    ensure(asked >= 1, || "the new token came from nowhere".to_owned())?;
    Ok(stage.voice.say(
        "The next token is another one. Whoever rejects again and again is made to wait, so that no loop\n\
         in a script hammers the service.",
    )?)
}

fn the_end(stage: &mut Stage) -> Result<(), Cut> {
    stage.voice.chapter("The end")?;
    let mut served = 0;
    for account in ACCOUNTS {
        served += stage.status(account)?["served"].as_u64().unwrap_or(0);
    }
    let asked = stage.lyve.token_requests() + stage.iyo.token_requests() + stage.ovc.token_requests();
    let log = stage.log();
    ensure(!stage.leaks_into(&log), || "a secret or a token is in the log of tokend".to_owned())?;
    let stopped = stage.daemon.take().map(tokend_tests::sandbox::Daemon::stop);
    ensure(stopped.is_some_and(|status| status.success()), || "tokend did not stop cleanly".to_owned())?;
    Ok(stage.voice.say(&format!(
        "tokend served {served} tokens, and asked the services {asked} times. Its log has {} lines, with no\n\
         secret and no token in them. It has stopped, and its home is removed now.",
        log.lines().count()
    ))?)
}

/// Takes the stage away, and sees whether it is gone.
fn curtain(stage: Stage) -> Result<(), Cut> {
    let home = stage.home.path().to_owned();
    drop(stage);
    ensure(!home.exists(), || format!("{} was not removed", home.display()))
}
