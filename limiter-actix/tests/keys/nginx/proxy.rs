//! An nginx of our own.

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio, id},
    thread,
    time::{Duration, Instant},
};

/// The number of nginx in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    OneHop,
    TwoHops,
}

impl Way {
    pub(crate) fn hops(self) -> usize {
        match self {
            Self::OneHop => 1,
            Self::TwoHops => 2,
        }
    }
}

/// An nginx that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where clients connect, on 127.0.0.1 and `[::1]`.
    pub(crate) port: u16,
    /// Where a load balancer connects, which names clients by the PROXY protocol.
    pub(crate) balanced_port: u16,
    process: Child,
    folder: Folder,
}

/// A folder that is deleted when it is dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Proxy {
    /// Runs nginx in front of a server on this port of 127.0.0.1 and `[::1]`.
    ///
    /// # Panics
    ///
    /// When nginx is missing or does not start: a test that did not run has not passed.
    pub(crate) fn start(server: u16, way: Way) -> Self {
        let mut log = String::new();
        // A port that was free may have gone to somebody's connection meanwhile.
        for _ in 0..5 {
            let mut proxy = Self::spawn(server, way);
            match proxy.wait() {
                Ok(()) => return proxy,
                Err(error) => log = error,
            }
        }
        panic!("nginx does not start: {log}");
    }

    fn spawn(server: u16, way: Way) -> Self {
        let [port, balanced_port, inner] = free_ports();
        let folder = Folder(env::temp_dir().join(format!("limiter-nginx-{}-{port}", id())));
        fs::create_dir_all(&folder.0).expect("the folder for temporary files can be written");
        let text = configuration(server, way, [port, balanced_port, inner]);
        fs::write(folder.0.join("nginx.conf"), text).expect("the configuration can be written");
        // Debian puts it where only root looks.
        let path = format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default());
        let process = Command::new("nginx")
            .env("PATH", path)
            .arg("-p")
            .arg(&folder.0)
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed (Debian's package nginx-light)");
        Self { port, balanced_port, process, folder }
    }

    /// Waits until it listens; the error is its log.
    fn wait(&mut self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.listens() {
            let ended = self.process.try_wait().expect("nginx can be asked");
            if ended.is_some() || Instant::now() > end {
                return Err(fs::read_to_string(self.folder.0.join("error.log")).unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn listens(&self) -> bool {
        // It is written once all sockets are bound: before, somebody else may listen there.
        let is_ours = self.folder.0.join("nginx.pid").exists();
        let hosts = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        is_ours
            && hosts.into_iter().all(|host| {
                let ports = [self.port, self.balanced_port];
                ports.into_iter().all(|port| TcpStream::connect(SocketAddr::from((host, port))).is_ok())
            })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Ports that are free now, and most likely still when nginx binds them.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    listeners.map(|listener| listener.local_addr().expect("a listener has an address").port())
}

/// `edge` is what clients connect to. It passes on to the server, or to `inner`, which does.
///
/// Both append to the lists as nginx's documentation has it, `Forwarded` even without a look at what was there.
/// The proxies have addresses of their own, 127.0.0.11 and 127.0.0.12, where they connect over IPv4; the server
/// is reached over IPv6 by those who came over it.
fn configuration(server: u16, way: Way, [port, balanced_port, inner]: [u16; 3]) -> String {
    let (next_of_edge, next_of_balanced) = match way {
        Way::OneHop => (format!("127.0.0.1:{server}"), format!("[::1]:{server}")),
        Way::TwoHops => (format!("127.0.0.1:{inner}"), format!("[::1]:{inner}")),
    };
    format!(
        r#"
daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;

    map $remote_addr $forwarded_element {{
        "~^[0-9.]+$"        "for=$remote_addr";
        "~^[0-9A-Fa-f:.]+$" "for=\"[$remote_addr]\"";
        default             "for=unknown";
    }}
    proxy_http_version 1.1;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header Forwarded "$http_forwarded, $forwarded_element";

    server {{ # edge
        listen 127.0.0.1:{port};
        listen [::1]:{port};
        location / {{
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Forwarded "$http_forwarded, $forwarded_element";
            proxy_bind 127.0.0.11;
            proxy_pass http://{next_of_edge};
        }}
    }}
    server {{ # edge behind a load balancer
        listen 127.0.0.1:{balanced_port} proxy_protocol;
        listen [::1]:{balanced_port} proxy_protocol;
        set_real_ip_from ::1;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        location / {{
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Forwarded "$http_forwarded, $forwarded_element";
            proxy_pass http://{next_of_balanced};
        }}
    }}
    server {{ # inner
        listen 127.0.0.1:{inner};
        listen [::1]:{inner};
        location / {{
            proxy_bind 127.0.0.12;
            proxy_pass http://127.0.0.1:{server};
        }}
    }}
}}
"#
    )
}
