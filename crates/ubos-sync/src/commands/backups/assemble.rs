//! `ubos-sync backups assemble`: a log put together again from its sealed copies and what stands at
//! its path now.

use std::fs::{File, remove_file};
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use ubos_core::path::RelPath;
use ubos_engine::backups::sealed::{self, Assembled, Piece};
use ubos_engine::error::EngineError;

use crate::failure::{Failure, Outcome};
use crate::past::Past;
use crate::render::command::about;
use crate::render::json::put_path;
use crate::render::units::{bytes, plural};
use crate::ui::Ui;
use crate::ui::sanitize::one_line;

/// Writes the log at `path` to `out`, or to standard output.
pub(super) fn run(past: &Past, path: &Path, out: Option<&Path>, ui: &Ui) -> Outcome {
    let path = past.path(path)?;
    let Some(out) = out else {
        if ui.json() {
            return Err(Failure::usage(
                "the log itself cannot go to standard output beside the document of `--json`",
                "name a file for it with `--out FILE`",
            ));
        }
        ui.content(|to| assemble(past, &path, to))?;
        return Ok(0);
    };
    let failed = |e| EngineError::io("write", out, e);
    let mut file = File::create_new(out).map_err(failed)?;
    let assembled = assemble(past, &path, &mut file)
        .and_then(|assembled| file.sync_all().map(|()| assembled).map_err(|e| failed(e).into()));
    if assembled.is_err() {
        // A part of a log must not pass for the whole.
        let _ = remove_file(out);
    }
    tell(&path, &assembled?, out, ui)
}

fn assemble(past: &Past, path: &RelPath, to: &mut dyn Write) -> Result<Assembled, Failure> {
    let assembled = sealed::assemble(&past.state, path, to).map_err(|error| match error {
        EngineError::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
            Failure::BrokenPipe
        }
        error => error.into(),
    })?;
    if assembled.pieces.is_empty() {
        return Err(Failure::usage(
            format!("neither a file nor a sealed log is at `{path}`"),
            format!("`{}` lists what is known of it", about("history", path.as_bytes(), "")),
        ));
    }
    Ok(assembled)
}

fn tell(path: &RelPath, assembled: &Assembled, out: &Path, ui: &Ui) -> Outcome {
    let Assembled { pieces, digest } = assembled;
    let size = pieces.iter().map(|piece| piece.bytes).sum::<u64>();
    if ui.json() {
        let piece = |piece: &Piece| {
            json!({
                "place": piece.place, "run": piece.run, "bytes": piece.bytes,
                "hash": piece.digest.to_hex(),
            })
        };
        let mut document = Map::new();
        document.insert("schema".into(), 1.into());
        put_path(&mut document, "path", path);
        document.insert("out".into(), out.to_string_lossy().into());
        document.insert("parts".into(), pieces.iter().map(piece).collect());
        document.insert("bytes".into(), size.into());
        document.insert("hash".into(), digest.to_hex().into());
        document.insert("exit".into(), 0.into());
        ui.document(&Value::from(document))?;
        return Ok(0);
    }
    let mut text = String::new();
    for piece in pieces {
        text.push_str(&format!("  {:>9}  {}\n", bytes(piece.bytes), one_line(&piece.place)));
    }
    text.push_str(&format!(
        "{}, {}, hash {}\n",
        plural(pieces.len(), "part"),
        bytes(size),
        digest.to_hex()
    ));
    ui.answer(&text)?;
    Ok(0)
}
