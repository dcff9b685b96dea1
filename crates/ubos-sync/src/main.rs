//! The program `ubos-sync`.

fn main() -> std::process::ExitCode {
    ubos_sync::run()
}
