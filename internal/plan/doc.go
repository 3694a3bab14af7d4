// Package plan runs operations that are all or nothing.
//
// An operation is a list of steps, made before anything is touched. A [Step] is
// data: a kind and its arguments, so it can be printed, compared, written to
// the journal and finished or undone by another process. Its [Action] says what it
// does and how it is undone; [Kinds] finds the type by name. Do and Undo are
// idempotent: each may run again after a crash in the middle of it.
//
// [Run] executes a plan. Before each step its intent goes to the journal. If a
// step before the plan's commit point fails, or the context ends, every step
// with an intent is undone in reverse order. From the commit point on there is
// no way back: the remaining steps run on a context of their own, bounded and
// detached from the caller's, and all their errors are kept.
//
// After a crash [Resume] reads the journal and does the same: undo before the
// commit point, finish after it. A journal is removed when nothing is left to
// do, so what is found on disk always names unfinished work.
package plan
