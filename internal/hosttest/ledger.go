package hosttest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/libioc/go-libioc/kernel"
)

// ledger says what a hand's own is. It is kept in a file, because the process of
// the hand may be killed between any two calls.
type ledger struct {
	path string

	// Own are datasets and snapshots by guid.
	Own map[uint64]object
	// Jails are in the kernel, until the machine is rebooted.
	Jails map[string]kernel.Identity
	Boot  string
	// Acting is the top dataset that the hand is changing at this moment.
	Acting string
	// Touched are the names of jails that the hand has changed something of, and
	// TouchedSets the guids of their datasets: a jail may be renamed since.
	Touched     map[string]bool
	TouchedSets map[uint64]bool
	// Rootless: a root was moved away, and others may have been cloned from that jail.
	Rootless bool
	// Found is what was lost and seen before the hand changed the rest.
	Found []string
	// Next numbers what the hand makes.
	Next int
}

// object is a dataset or a snapshot.
type object struct {
	Name string
	// Text is what its file note holds; "" has none.
	Text string `json:",omitempty"`
}

func openLedger(path string) (*ledger, error) {
	l := &ledger{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte("{}"), nil
	}
	if err == nil {
		err = json.Unmarshal(data, l)
	}
	if l.Own == nil {
		l.Own = map[uint64]object{}
	}
	if l.Jails == nil {
		l.Jails = map[string]kernel.Identity{}
	}
	if l.Touched == nil {
		l.Touched = map[string]bool{}
	}
	if l.TouchedSets == nil {
		l.TouchedSets = map[uint64]bool{}
	}
	return l, err
}

// save replaces the file. A kill leaves the old one or the new one; it need not
// outlive a power loss.
func (l *ledger) save() error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(l.path+".new", l.path)
}
