//! Runs a server, and the lines of a transcript against it.

use std::{
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::transcript::Transcript;

/// Far more than a server takes to start.
const START: Duration = Duration::from_secs(60);

/// Stops the program when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Changes the port, since that of the README may be taken.
pub(super) fn with_port(text: &str, port: u16) -> String {
    text.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"))
}

/// Starts the program, and compares the output of each line with the one shown.
pub(super) fn run(program: &Path, port: u16, transcript: &Transcript) -> Result<(), Box<dyn Error>> {
    let mut running = Running(Command::new(program).stdin(Stdio::null()).spawn()?);
    wait_for(&mut running, port)?;
    for (line, shown) in &transcript.lines {
        println!("$ {line}");
        let output = Command::new("sh").args(["-c", &with_port(line, port)]).stdin(Stdio::null()).output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        print!("{printed}");
        if let Some(missing) = Transcript::missing(shown, &printed) {
            return Err(format!("README.md: `{line}` does not print `{missing}`").into());
        }
    }
    Ok(())
}

fn wait_for(running: &mut Running, port: u16) -> Result<(), Box<dyn Error>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        if let Some(status) = running.0.try_wait()? {
            return Err(format!("the README's program ended: {status}").into());
        }
        if start.elapsed() > START {
            return Err("the README's program does not listen".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
