use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = locum::exec::hidden_main(std::env::args_os().skip(1)) {
        return code;
    }
    ExitCode::SUCCESS
}
