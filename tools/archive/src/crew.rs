//! Several threads that do tasks, given to them in batches: to hand over a single one
//! costs as much as to write a small file.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crossbeam_channel::{Sender, bounded};

/// Tasks in a batch, at most.
const BATCH: usize = 32;
/// Weight after which a batch is given away all the same.
const HEAVY: usize = 1 << 20;
/// Batches that wait. Each of their tasks may hold a directory open.
const WAITING: usize = 8;
/// More threads do not make a file system faster.
const MOST: usize = 8;

/// Who gives the tasks away.
pub(crate) struct Crew<'a, T> {
    batches: Sender<(u64, Vec<T>)>,
    finished: &'a Finished,
    /// The batch that is being filled.
    number: u64,
    batch: Vec<T>,
    weight: usize,
}

/// Runs `lead` with a crew of `threads` that do `work`. All that was given away is
/// done when this returns.
pub(crate) fn run<T: Send, R>(
    threads: usize,
    work: impl Fn(T) + Sync,
    lead: impl FnOnce(&mut Crew<'_, T>) -> R,
) -> R {
    let (batches, waiting) = bounded::<(u64, Vec<T>)>(WAITING);
    let threads = threads.clamp(1, MOST);
    let finished = Finished::default();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (waiting, work, finished) = (waiting.clone(), &work, &finished);
            scope.spawn(move || {
                for (number, batch) in waiting {
                    let _done = Done { finished, number };
                    batch.into_iter().for_each(work);
                }
            });
        }
        drop(waiting);
        let mut crew = Crew {
            batches,
            finished: &finished,
            number: 0,
            batch: Vec::new(),
            weight: 0,
        };
        let result = lead(&mut crew);
        crew.send();
        result
    })
}

impl<T> Crew<'_, T> {
    /// Gives a task away, now or with the tasks that follow. Tasks of one batch are
    /// done in order.
    pub fn push(&mut self, task: T, weight: usize) {
        self.batch.push(task);
        self.weight += weight;
        if self.batch.len() >= BATCH || self.weight >= HEAVY {
            self.send();
        }
    }

    /// The number of the batch into which the next task goes.
    pub fn batch(&self) -> u64 {
        self.number
    }

    /// All batches before this one are finished.
    pub fn all_before(&self) -> u64 {
        self.finished.state().all_before
    }

    /// Gives away what was held back.
    pub fn send(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.weight = 0;
        // The threads outlive this.
        let _ = self.batches.send((self.number, batch));
        self.number += 1;
    }

    /// Waits until all tasks are done.
    pub fn settle(&mut self) {
        self.send();
        self.finished.wait(self.number);
    }

    /// Waits until this batch, which was given away, and all before it are finished.
    pub fn wait_for(&self, batch: u64) {
        self.finished.wait(batch + 1);
    }
}

/// Which batches are finished.
#[derive(Default)]
struct Finished {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// All with lower numbers are.
    all_before: u64,
    /// Those with higher numbers that are, too.
    others: BTreeSet<u64>,
}

impl Finished {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all batches before this one are finished.
    fn wait(&self, number: u64) {
        let mut state = self.state();
        while state.all_before < number {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Says that a batch is finished, even if its thread ends with it.
struct Done<'a> {
    finished: &'a Finished,
    number: u64,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut state = self.finished.state();
        state.others.insert(self.number);
        while state.others.first() == Some(&state.all_before) {
            state.others.pop_first();
            state.all_before += 1;
        }
        self.finished.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_and_those_of_a_batch_in_order() {
        for threads in [1, 4] {
            let done = Mutex::new(Vec::new());
            run(
                threads,
                |task: usize| done.lock().unwrap().push(task),
                |crew| (0..1000).for_each(|task| crew.push(task, 1)),
            );
            let done = done.into_inner().unwrap();
            for batch in (0..1000).collect::<Vec<_>>().chunks(BATCH) {
                let these: Vec<_> = done.iter().filter(|task| batch.contains(task)).collect();
                assert!(these.into_iter().eq(batch));
            }
        }
    }

    #[test]
    fn the_leader_can_wait() {
        let done = Mutex::new(Vec::new());
        let work = |task: u64| {
            thread::yield_now();
            done.lock().unwrap().push(task);
        };
        run(3, work, |crew| {
            for task in 0..10 {
                assert_eq!(crew.batch(), task);
                crew.push(task, HEAVY);
            }
            crew.wait_for(4);
            assert!(crew.all_before() >= 5);
            assert!((0..5).all(|task| done.lock().unwrap().contains(&task)));
            crew.push(10, 1);
            crew.settle();
            assert_eq!(done.lock().unwrap().len(), 11);
        });
    }
}
