package plan

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// Header is a journal's first line: who does what, since when.
type Header struct {
	Version int       `json:"version"`
	ID      string    `json:"id,omitempty"`     // of this run of the operation
	Marked  bool      `json:"marked,omitempty"` // it has a mark, see mark.go
	Key     string    `json:"key"`              // the jail or release, as the caller keys it
	Boot    string    `json:"boot"`             // kernel.BootID when it began
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Plan    Plan      `json:"plan"`
}

const journalVersion = 1

// record is every further line.
type record struct {
	Step   int             `json:"step"`
	Phase  phase           `json:"phase"`
	Effect json.RawMessage `json:"effect,omitempty"`
}

type phase string

const (
	intent phase = "intent"
	effect phase = "effect"
	done   phase = "done"
	undone phase = "undone"
	// complete, of no step, ends a plan that only rolls back: all is done.
	complete phase = "complete"
)

// Journal is the file of one running operation.
type Journal struct {
	Header Header
	path   string
	mark   string // path of the mark, or empty
	// marking makes the mark where it can be now, see markLate.
	marking func(ctx context.Context) (string, error)
	file    *os.File // nil for one that a full disk keeps from being written
	state   []stepState
	seen    map[string]string // see Call.Same
	over    bool              // complete
	ended   bool              // by Call.End
	aside   bool              // something is left that no later run can do
	// lenient journals may lack records, see pass.
	lenient bool
	writing func() error // see WithWriteFault
	// rebooted since: what does not outlive that is gone.
	rebooted bool
	resumed  bool
}

type stepState struct {
	phase  phase // the newest of intent, done and undone
	effect json.RawMessage
}

// Create starts a journal at path. An existing one is fs.ErrExist: its work
// has to be resumed first.
func Create(path string, h Header) (*Journal, error) {
	h.Version = journalVersion
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{Header: h, path: path, file: f, state: make([]stepState, len(h.Plan.Steps)), seen: maps.Clone(h.Plan.Seen)}
	if err := errors.Join(j.line(h, true), atomicfile.SyncDir(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, j.Remove())
	}
	return j, nil
}

// Open reads the journal of an operation that did not end. A last line cut
// short by a crash is ignored. A file without a whole first line is
// ErrNoHeader: nothing had begun, or all of it was lost.
func Open(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, file: f}
	if err := j.read(); err != nil {
		f.Close()
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	return j, nil
}

// ErrNoHeader is a journal that ends before its first line does.
var ErrNoHeader = errors.New("journal has no header")

// Peek reads the header of a journal that may be in use. No such file is
// fs.ErrNotExist; a header that is not whole is ErrNoHeader.
func Peek(path string) (h Header, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return h, ErrNoHeader
	}
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, fmt.Errorf("journal %s: %w: header: %w", path, ErrDamaged, err)
	}
	return h, nil
}

func (j *Journal) read() error {
	data, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if whole == 0 {
		if len(data) > 0 && data[0] != '{' {
			return fmt.Errorf("%w: no header", ErrDamaged)
		}
		return ErrNoHeader
	}
	if whole < len(data) {
		// Later lines must not be glued to the cut one.
		if err := j.file.Truncate(int64(whole)); err != nil {
			return err
		}
	}
	header, rest, _ := bytes.Cut(data[:whole], []byte("\n"))
	if err := json.Unmarshal(header, &j.Header); err != nil {
		return fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	if j.Header.Version != journalVersion {
		return fmt.Errorf("%w: version %d is not %d", ErrDamaged, j.Header.Version, journalVersion)
	}
	if c := j.Header.Plan.Commit; c < 0 || c > len(j.Header.Plan.Steps) {
		return fmt.Errorf("%w: commit point %d of %d steps", ErrDamaged, c, len(j.Header.Plan.Steps))
	}
	j.state, j.seen = make([]stepState, len(j.Header.Plan.Steps)), maps.Clone(j.Header.Plan.Seen)
	for line := range bytes.Lines(rest) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		switch r.Phase {
		case complete:
			j.over = true
			continue
		case saw:
			var s sighting
			if err := json.Unmarshal(r.Effect, &s); err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			j.see(s)
			continue
		}
		if r.Step < 0 || r.Step >= len(j.state) {
			return fmt.Errorf("%w: step %d of %d", ErrDamaged, r.Step, len(j.state))
		}
		j.apply(r)
	}
	return nil
}

func (j *Journal) apply(r record) {
	if s := &j.state[r.Step]; r.Phase == effect {
		s.effect = r.Effect
	} else {
		s.phase = r.Phase
	}
}

// write appends one record; sync makes it survive a power loss.
func (j *Journal) write(r record, sync bool) error {
	j.apply(r)
	return j.line(r, sync)
}

func (j *Journal) line(v any, sync bool) error {
	if j.file == nil {
		return nil
	}
	if j.writing != nil {
		if err := j.writing(); err != nil {
			return j.pass(err)
		}
	}
	return j.pass(j.append(v, sync))
}

func (j *Journal) append(v any, sync bool) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	end, err := j.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(data, '\n')); err != nil {
		// Half a line must not have the next one glued to it.
		return errors.Join(err, j.file.Truncate(end))
	}
	if sync {
		return j.file.Sync()
	}
	return nil
}

// Close closes the file and leaves it for a later Resume.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// Remove ends the journal: nothing is left to do.
func (j *Journal) Remove() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	if rerr := errors.Join(removeFile(j.path), removeMark(j.mark)); rerr != nil {
		return rerr
	}
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}
