//! One producer, several workers, one consumer that sees the results in order.

use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

/// The consumer has stopped taking results: there is no point in producing more.
#[derive(Debug)]
pub(crate) struct Closed;

/// Where the producer puts its items.
pub(crate) struct Feed<I, O> {
    jobs: Sender<(I, Sender<O>)>,
    order: Sender<Receiver<O>>,
}

impl<I, O> Feed<I, O> {
    /// Hands an item to the workers; waits while the window is full.
    pub fn push(&self, item: I) -> Result<(), Closed> {
        let (result, place) = bounded(1);
        self.order.send(place).map_err(|_| Closed)?;
        self.jobs.send((item, result)).map_err(|_| Closed)
    }
}

/// The results, in the order in which their items were pushed.
pub(crate) struct Results<O>(Receiver<Receiver<O>>);

impl<O> Iterator for Results<O> {
    type Item = O;

    fn next(&mut self) -> Option<O> {
        self.0.recv().ok()?.recv().ok()
    }
}

/// Runs `produce` on a thread of its own, a function from `worker` on each of
/// `threads` more, and `consume` on this one. At most `window + 2` items or
/// results exist at any time: that bounds the memory.
pub(crate) fn in_order<I: Send, O: Send, W, P: Send, R>(
    threads: usize,
    window: usize,
    worker: impl Fn() -> W + Sync,
    produce: impl FnOnce(Feed<I, O>) -> P + Send,
    consume: impl FnOnce(Results<O>) -> R,
) -> (P, R)
where
    W: FnMut(I) -> O,
{
    let (jobs, waiting) = bounded::<(I, Sender<O>)>(window);
    let (order, results) = bounded(window);
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (waiting, worker) = (waiting.clone(), &worker);
            scope.spawn(move || {
                let mut work = worker();
                for (item, result) in waiting {
                    // Nobody waits any more if the consumer has stopped.
                    let _ = result.send(work(item));
                }
            });
        }
        drop(waiting);
        let producer = scope.spawn(move || produce(Feed { jobs, order }));
        let consumed = consume(Results(results));
        match producer.join() {
            Ok(produced) => (produced, consumed),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(threads: usize, take: usize) -> (Result<(), Closed>, Vec<u64>) {
        in_order(
            threads,
            2,
            || |n: u64| n * n,
            |feed| (0..100).try_for_each(|n| feed.push(n)),
            |results| results.take(take).collect(),
        )
    }

    #[test]
    fn results_keep_their_order() {
        for threads in [1, 4] {
            let (produced, results) = squares(threads, 100);
            assert!(produced.is_ok());
            assert!(results.into_iter().eq((0..100).map(|n| n * n)));
        }
    }

    #[test]
    fn a_consumer_that_stops_stops_the_producer() {
        let (produced, results) = squares(2, 3);
        assert!(produced.is_err());
        assert_eq!(results, [0, 1, 4]);
    }
}
