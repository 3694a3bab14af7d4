package plan

import (
	"maps"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// unwritten is the journal of an operation that may run without one: what it is about
// can be taken away although the disk is full or read-only.
func unwritten(h Header) *Journal {
	return &Journal{Header: h, state: make([]stepState, len(h.Plan.Steps)), seen: maps.Clone(h.Plan.Seen), lenient: true}
}

// pass passes over a record that a full disk keeps from being written, where a record
// less only means that a step is done or undone once more after a crash.
func (j *Journal) pass(err error) error {
	if j.lenient && atomicfile.Unwritable(err) {
		return nil
	}
	return err
}
