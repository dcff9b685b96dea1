//! `RemoteEndpoint`: a side on another machine (or in another process), through its agent.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Item;

use super::{Endpoint, Scanned};
use crate::agent::channel::{Channel, SharedWriter};
use crate::agent::content::{Collect, Resume, SendItem, Slot, StageResult, Want};
use crate::agent::message::{
    AuditNote, Change, FolderMode, KeptVersion, LogCheck, OpOutcome, OpenMatter, PrepareOrder,
    PublicRow, PutBackOrder, PutBackResult, PutBackStep, Request, Response, RunEvidence, ScanOrder,
    Standing, Wake,
};
use crate::error::{EngineError, Result};
use crate::link::Link;
use crate::rsync::boxes;
use crate::rsync::tunnel::Client;
use crate::state::audit::Head;
use crate::state::generation::Header;
use crate::transfer::ContentSink;
use crate::transfer::wire::{WireSink, pump};

/// A side behind an agent.
pub struct RemoteEndpoint {
    link: Link,
    peer: String,
}

/// A content sink that holds the connection's writer.
struct RemoteSink<'a>(
    std::sync::MutexGuard<'a, crate::agent::frame::FrameWriter<crate::agent::channel::TimedPipe>>,
);

impl RemoteEndpoint {
    /// The side that `link` leads to; `peer` is its name, for messages.
    pub fn new(link: Link, peer: &str) -> Self {
        Self { link, peer: peer.to_owned() }
    }

    fn channel(&mut self) -> &mut Channel {
        self.link.channel()
    }

    /// Runs rsync between a box of `local` and the peer's, for one file; returns how many bytes
    /// crossed. Whether the file arrived is for the receiver to say.
    ///
    /// # Errors
    /// When the connection breaks. A client that cannot be started is no error: nothing arrives.
    pub fn rsync(&mut self, run: &str, local: &Path, slot: Slot, send: bool) -> Result<u64> {
        let client = Client::start(self.link.program(), local, &boxes::name(slot), send);
        let Ok(client) = client else { return Ok(0) };
        let words = client.words.clone();
        self.ask(&Request::ServeRsync { run: run.to_owned(), sender: !send, words })?;
        let crossed = client.carry(self.channel()).map_err(|e| self.lost(&e))?;
        self.done()?;
        Ok(crossed)
    }

    /// Another run begins; tells how the peer stands.
    ///
    /// # Errors
    /// As for the first run of a connection.
    pub fn begin(&mut self) -> Result<Standing> {
        self.ask(&Request::Begin)?;
        match self.response()? {
            Response::Standing(standing) => Ok(*standing),
            _ => Err(out_of_turn()),
        }
    }

    /// Lets others have their runs.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn release(&mut self) -> Result<()> {
        self.ask(&Request::Release)?;
        self.done()
    }

    /// Asks the peer to wait until its tree changed, the time is up, or the connection's `Call` was
    /// sent (see [`RemoteEndpoint::bell`]).
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn begin_wait(&mut self, limit: Duration) -> Result<()> {
        self.ask(&Request::Wait { limit: limit.as_millis() as u64 })
    }

    /// What ended the wait that was begun.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn woken(&mut self) -> Result<Wake> {
        match self.response()? {
            Response::Woken(wake) => Ok(wake),
            _ => Err(out_of_turn()),
        }
    }

    /// What ends a wait, from another thread.
    pub fn bell(&mut self) -> Bell {
        Bell(self.channel().shared_writer())
    }

    /// A broken connection, explained by what ssh said.
    fn lost(&mut self, error: &std::io::Error) -> EngineError {
        self.link.explain(error)
    }

    fn ask(&mut self, request: &Request) -> Result<()> {
        self.ask_with::<u8>(request, None)
    }

    fn ask_with<T: Serialize>(&mut self, request: &Request, list: Option<&[T]>) -> Result<()> {
        let sent = (|| {
            let mut writer = self.channel().writer();
            writer.message(request)?;
            if let Some(list) = list {
                writer.list(list)?;
            }
            writer.flush()
        })();
        sent.map_err(|e| self.lost(&e))
    }

    fn response(&mut self) -> Result<Response> {
        let response = self.channel().reader.message().map_err(|e| self.lost(&e))?;
        match response {
            Response::Failed(failure) => Err(failure.into_error(&self.peer)),
            response => Ok(response),
        }
    }

    fn list<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        self.channel().reader.list().map_err(|e| self.lost(&e))
    }

    fn done(&mut self) -> Result<()> {
        match self.response()? {
            Response::Done => Ok(()),
            _ => Err(out_of_turn()),
        }
    }

    fn done_list<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        self.done()?;
        self.list()
    }
}

fn out_of_turn() -> EngineError {
    EngineError::unreachable("the peer answered something else than was asked")
}

/// Ends the peer's wait.
pub struct Bell(SharedWriter);

impl Bell {
    /// Rings. A connection that is gone shows where the answer is awaited.
    pub fn ring(&self) {
        let mut writer = self.0.lock().expect("no holder of this lock panics");
        let _ = writer.message(&Request::Call).and_then(|()| writer.flush());
    }
}

impl Endpoint for RemoteEndpoint {
    fn lock(&mut self) -> Result<()> {
        // The agent took it before it said welcome.
        Ok(())
    }

    fn open_runs(&mut self) -> Result<(Vec<RunEvidence>, Vec<PublicRow>)> {
        self.ask(&Request::OpenRuns)?;
        let runs = self.done_list()?;
        Ok((runs, self.list()?))
    }

    fn roll_forward(&mut self) -> Result<()> {
        self.ask(&Request::RollForward)?;
        self.done()
    }

    fn export(&mut self) -> Result<Vec<PublicRow>> {
        self.ask(&Request::Export)?;
        self.done_list()
    }

    fn import(&mut self, header: &Header, rows: Vec<PublicRow>) -> Result<()> {
        self.ask_with(&Request::Import { header: header.clone() }, Some(&rows))?;
        self.done()
    }

    fn scan(&mut self, order: &ScanOrder) -> Result<Scanned> {
        self.ask(&Request::Scan(order.clone()))?;
        match self.response()? {
            Response::Scanned { scanned } => {
                let changes: Vec<Change> = self.list()?;
                let changes =
                    changes.into_iter().map(|change| (change.path, change.seen)).collect();
                Ok(Scanned { changes, scanned })
            }
            _ => Err(out_of_turn()),
        }
    }

    fn absent(&mut self, paths: &[RelPath]) -> Result<BTreeSet<RelPath>> {
        self.ask_with(&Request::Absent, Some(paths))?;
        Ok(self.done_list()?.into_iter().collect())
    }

    fn times(&mut self, paths: &[RelPath]) -> Result<Vec<Option<(i64, u32)>>> {
        self.ask_with(&Request::Times, Some(paths))?;
        self.done_list()
    }

    fn contents(&mut self, paths: &[RelPath]) -> Result<Vec<Option<Vec<u8>>>> {
        self.ask_with(&Request::Contents, Some(paths))?;
        self.done_list()
    }

    fn keep_versions(&mut self, versions: &[KeptVersion]) -> Result<Vec<Digest>> {
        self.ask_with(&Request::KeepVersions, Some(versions))?;
        self.done_list()
    }

    fn untracked(&mut self, dirs: &[RelPath]) -> Result<BTreeSet<RelPath>> {
        self.ask_with(&Request::Untracked, Some(dirs))?;
        Ok(self.done_list()?.into_iter().collect())
    }

    fn send(&mut self, items: &[SendItem], sink: &mut dyn ContentSink) -> Result<()> {
        self.ask_with(&Request::Send, Some(items))?;
        pump(&mut self.channel().reader, sink)
    }

    fn stage(&mut self, run: &str, wants: &[Want]) -> Result<Vec<Resume>> {
        self.ask_with(&Request::Stage { run: run.to_owned() }, Some(wants))?;
        self.done_list()
    }

    fn sink(&mut self) -> Result<Box<dyn ContentSink + '_>> {
        self.ask(&Request::Receive)?;
        Ok(Box::new(RemoteSink(self.channel().writer())))
    }

    fn staged(&mut self) -> Result<Vec<StageResult>> {
        self.done_list()
    }

    fn cost(&mut self, items: &[SendItem]) -> Result<Vec<u64>> {
        self.ask_with(&Request::Cost, Some(items))?;
        self.done_list()
    }

    fn has_rsync(&mut self) -> Result<bool> {
        self.ask(&Request::HasRsync)?;
        Ok(self.done_list()?.first() == Some(&true))
    }

    fn fill_outbox(&mut self, run: &str, items: &[SendItem]) -> Result<Vec<bool>> {
        self.ask_with(&Request::FillOutbox { run: run.to_owned() }, Some(items))?;
        self.done_list()
    }

    fn fill_inbox(&mut self, run: &str, wants: &[Want]) -> Result<Vec<bool>> {
        self.ask_with(&Request::FillInbox { run: run.to_owned() }, Some(wants))?;
        self.done_list()
    }

    fn empty_outbox(&mut self, run: &str, items: &[SendItem]) -> Result<()> {
        self.ask_with(&Request::EmptyOutbox { run: run.to_owned() }, Some(items))?;
        self.done()
    }

    fn collect_inbox(&mut self, run: &str, wanted: &[Collect]) -> Result<Vec<StageResult>> {
        self.ask_with(&Request::CollectInbox { run: run.to_owned() }, Some(wanted))?;
        self.done_list()
    }

    fn intend(&mut self, run: &str, items: &[Item], confirmed: bool) -> Result<()> {
        self.ask_with(&Request::Intend { run: run.to_owned(), confirmed }, Some(items))?;
        self.done()
    }

    fn apply(&mut self, modes: &[FolderMode]) -> Result<Vec<OpOutcome>> {
        self.ask_with(&Request::Apply, Some(modes))?;
        self.done_list()
    }

    fn recheck(&mut self) -> Result<Vec<RelPath>> {
        self.ask(&Request::Recheck)?;
        self.done_list()
    }

    fn prepare(&mut self, order: &PrepareOrder, extra: &[PublicRow]) -> Result<()> {
        self.ask_with(&Request::Prepare(order.clone()), Some(extra))?;
        self.done()
    }

    fn commit(&mut self) -> Result<()> {
        self.ask(&Request::Commit)?;
        self.done()
    }

    fn mark(&mut self) -> Result<()> {
        self.ask(&Request::Mark)?;
        self.done()
    }

    fn audit(&mut self, notes: &[AuditNote]) -> Result<Head> {
        self.ask_with(&Request::Audit, Some(notes))?;
        match self.response()? {
            Response::Noted(head) => Ok(head),
            _ => Err(out_of_turn()),
        }
    }

    fn check_log(&mut self, since: &str, heads: &[Head]) -> Result<LogCheck> {
        self.ask_with(&Request::CheckLog { since: since.to_owned() }, Some(heads))?;
        match self.response()? {
            Response::LogChecked { records, fault, end } => {
                let wrong = self.list()?;
                Ok(LogCheck { records, fault, end, wrong, noted: self.list()? })
            }
            _ => Err(out_of_turn()),
        }
    }

    fn keep_open(&mut self, matters: &[OpenMatter]) -> Result<()> {
        self.ask_with(&Request::KeepOpen, Some(matters))?;
        self.done()
    }

    fn put_back(
        &mut self,
        order: &PutBackOrder,
        steps: &[PutBackStep],
    ) -> Result<Vec<PutBackResult>> {
        self.ask_with(&Request::PutBack(order.clone()), Some(steps))?;
        self.done_list()
    }

    fn finish(&mut self, run: &str) -> Result<()> {
        self.ask(&Request::Finish { run: run.to_owned() })?;
        self.done()
    }

    fn wire_bytes(&self) -> u64 {
        self.link.wire_bytes()
    }
}

impl ContentSink for RemoteSink<'_> {
    fn begin(&mut self, begin: &crate::agent::content::Begin) -> Result<()> {
        WireSink::new(&mut *self.0).begin(begin)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        WireSink::new(&mut *self.0).seek(offset)
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        WireSink::new(&mut *self.0).data(bytes)
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        WireSink::new(&mut *self.0).end(whole)
    }

    fn close(&mut self) -> Result<()> {
        WireSink::new(&mut *self.0).close()
    }
}
