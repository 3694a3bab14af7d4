package simhost

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// ErrInUse means that the directory is open in this or another process.
var ErrInUse = errors.New("simulated host is in use")

// stateLog keeps the state of both simulators as an append-only file of
// batches. A batch is one line, so a kill leaves whole batches only; the last
// line without its end is dropped. What was read is compacted when opened.
type stateLog struct {
	lock *os.File

	mu     sync.Mutex
	file   *os.File
	kernel []simkernel.Record
	store  []simzfs.Record
}

// batch is one line: the changes of one call of one simulator.
type batch struct {
	Kernel []simkernel.Record `json:"kernel,omitempty"`
	Store  []simzfs.Record    `json:"store,omitempty"`
}

func openLog(dir string) (*stateLog, error) {
	lock, err := lockDir(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	l := &stateLog{lock: lock}
	if err := l.open(filepath.Join(dir, "state.log")); err != nil {
		return nil, errors.Join(err, unlockDir(lock))
	}
	return l, nil
}

func (l *stateLog) open(path string) error {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := l.read(data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	line, err := json.Marshal(batch{l.kernel, l.store})
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, append(line, '\n'), 0o644); err != nil {
		return err
	}
	l.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return err
}

// read replays the batches into the newest record of each key.
func (l *stateLog) read(data []byte) error {
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	lines := bufio.NewScanner(bytes.NewReader(whole))
	lines.Buffer(nil, len(whole)+1)
	kernels := newest[simkernel.Record]{key: func(r simkernel.Record) (string, bool) { return r.Key, len(r.Value) == 0 || string(r.Value) == "null" }}
	stores := newest[simzfs.Record]{key: func(r simzfs.Record) (string, bool) { return r.Key, len(r.Value) == 0 }}
	for lines.Scan() {
		var b batch
		if err := json.Unmarshal(lines.Bytes(), &b); err != nil {
			return err
		}
		kernels.add(b.Kernel)
		stores.add(b.Store)
	}
	l.kernel, l.store = kernels.list(), stores.list()
	return lines.Err()
}

// newest keeps the last record of each key, in the order in which keys first came.
type newest[R any] struct {
	key   func(R) (key string, gone bool)
	index map[string]int
	all   []*R
}

func (n *newest[R]) add(records []R) {
	if n.index == nil {
		n.index = map[string]int{}
	}
	for _, r := range records {
		key, gone := n.key(r)
		i, known := n.index[key]
		switch {
		case gone && known:
			n.all[i] = nil
			delete(n.index, key)
		case gone:
		case known:
			n.all[i] = &r
		default:
			n.index[key] = len(n.all)
			n.all = append(n.all, &r)
		}
	}
}

func (n *newest[R]) list() []R {
	var out []R
	for _, r := range n.all {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}

func (l *stateLog) commitKernel(changed []simkernel.Record) error {
	return l.append(batch{Kernel: changed})
}

func (l *stateLog) commitStore(changed []simzfs.Record) error {
	return l.append(batch{Store: changed})
}

func (l *stateLog) append(b batch) error {
	line, err := json.Marshal(b)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.file.Write(append(line, '\n'))
	return err
}

func (l *stateLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	return errors.Join(err, unlockDir(l.lock))
}
