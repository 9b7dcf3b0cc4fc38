//! A service behind TLS, with an authority of its own: by Python and the openssl program, where they are.

use std::fs;
use std::io::{BufRead as _, BufReader, Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A service that answers every POST with a new token, in `t`, which lives an hour, in `e`. Ends when dropped.
#[derive(Debug)]
pub struct Https {
    /// `https://localhost:PORT/`
    pub url: String,
    /// The certificate of the authority that signed the service's.
    pub ca_file: PathBuf,
    server: Child,
}

impl Https {
    /// Starts it; its files go into a new folder.
    ///
    /// # Errors
    /// Where there is no `openssl`, or no `python3` that knows TLS.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_ahead(folder, 0)
    }

    /// The same; its clock is so many seconds ahead.
    ///
    /// # Errors
    /// As [`Https::start`].
    pub fn start_ahead(folder: &Path, seconds: i64) -> Result<Self> {
        fs::create_dir(folder)?;
        let made = Command::new("sh").args(["-ec", CERTIFICATE]).current_dir(folder).output()?;
        if !made.status.success() {
            return Err(Error::other(format!("openssl: {}", String::from_utf8_lossy(&made.stderr))));
        }
        let mut server = Command::new("python3")
            .args(["-I", "-c", SERVER, &seconds.to_string()])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut port = String::new();
        if let Some(stdout) = server.stdout.take() {
            BufReader::new(stdout).read_line(&mut port)?;
        }
        // Stopped from here on, whatever comes.
        let url = format!("https://localhost:{}/", port.trim());
        let https = Self { url, ca_file: folder.join("ca.pem"), server };
        if port.is_empty() { Err(Error::other("python3 serves no TLS")) } else { Ok(https) }
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

const CERTIFICATE: &str = "
curve='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $curve -keyout ca.key -out ca.pem -days 2 -subj /CN=a-test
openssl req $curve -keyout key.pem -out request.pem -subj /CN=localhost
echo 'subjectAltName=DNS:localhost' >names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem
";

const SERVER: &str = r"
import base64, http.server, json, os, ssl, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + int(sys.argv[1]))
    def do_POST(self):
        self.rfile.read(int(self.headers['content-length']))
        token = base64.b64encode(os.urandom(60)).decode()
        answer = json.dumps({'t': token, 'e': 3600}).encode()
        self.send_response(200)
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('cert.pem', 'key.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";
