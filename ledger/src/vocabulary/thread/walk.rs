//! Going through a thread in reading order.

use super::ThreadNode;

/// Yields each comment before its replies, with its depth. Keeps its own stack, so depth costs memory and nothing else.
#[derive(Debug, Clone)]
pub struct Walk<'t, 'a> {
    nodes: &'t [ThreadNode<'a>],
    due: Vec<(usize, usize)>,
}

impl<'t, 'a> Walk<'t, 'a> {
    pub(super) fn new(nodes: &'t [ThreadNode<'a>], roots: &[usize]) -> Self {
        Walk { nodes, due: roots.iter().rev().map(|at| (0, *at)).collect() }
    }
}

impl<'t, 'a> Iterator for Walk<'t, 'a> {
    type Item = (usize, &'t ThreadNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (depth, at) = self.due.pop()?;
        let node = self.nodes.get(at)?;
        self.due.extend(node.replies.iter().rev().map(|at| (depth + 1, *at)));
        Some((depth, node))
    }
}
