package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
)

// shelf is what the steps of these tests work on: a set of words.
type shelf struct {
	words map[string]bool
	log   []string
	fail  map[string]error // "do word" or "undo word"
}

type word struct {
	Word string `json:"word"`
}

var errTest = errors.New("test failure")

func (a word) Detail() string { return a.Word }

func (a word) Event(*shelf) events.IocEvent { return events.ZFSDatasetCreate{Dataset: a.Word} }

func (a word) Do(_ context.Context, s *shelf, c *Call) error {
	s.log = append(s.log, "do "+a.Word)
	if err := c.SetEffect(a); err != nil {
		return err
	}
	if err := s.fail["do "+a.Word]; err != nil {
		return err
	}
	s.words[a.Word] = true
	return nil
}

func (a word) Undo(_ context.Context, s *shelf, c *Call) error {
	s.log = append(s.log, "undo "+a.Word)
	var e word
	if c.Effect(&e) && e != a {
		return fmt.Errorf("effect %v of %v", e, a)
	}
	if err := s.fail["undo "+a.Word]; err != nil {
		return err
	}
	delete(s.words, a.Word)
	return nil
}

type (
	putWord struct{ word }
	// gateWord is a barrier.
	gateWord struct{ word }
	// attemptWord is not tried again when it fails.
	attemptWord struct{ word }
)

func (putWord) Kind() string     { return "put" }
func (gateWord) Kind() string    { return "gate" }
func (gateWord) Barrier()        {}
func (attemptWord) Kind() string { return "attempt" }

func (a attemptWord) Do(ctx context.Context, s *shelf, c *Call) error {
	return Final(a.word.Do(ctx, s, c))
}

func put(w string) Step     { return StepOf(putWord{word{w}}) }
func gate(w string) Step    { return StepOf(gateWord{word{w}}) }
func attempt(w string) Step { return StepOf(attemptWord{word{w}}) }

var runner = Runner[*shelf]{Kinds: NewKinds[*shelf](putWord{}, gateWord{}, attemptWord{})}

func newShelf() *shelf { return &shelf{words: map[string]bool{}, fail: map[string]error{}} }

func create(t *testing.T, commit int, steps ...Step) *Journal {
	t.Helper()
	j, err := Create(filepath.Join(t.TempDir(), "dir", "j.journal"), Header{
		Key: "k", Plan: Plan{Operation: "test", Subject: "shelf", Steps: steps, Commit: commit},
	})
	require.NoError(t, err)
	return j
}

func run(ctx context.Context, s *shelf, j *Journal) error {
	op := events.NewOperation(events.Options{})
	return runner.Run(ctx, s, j, op.Begin(events.JailStart{Jail: "shelf"}))
}

func resume(t *testing.T, s *shelf, path string) error {
	t.Helper()
	j, err := Open(path)
	require.NoError(t, err)
	op := events.NewOperation(events.Options{})
	_, err = runner.Resume(context.Background(), s, j, "", op.Begin(events.JailStart{Jail: "shelf"}))
	return err
}

func three(step func(w string) Step) []Step { return []Step{step("a"), step("b"), step("c")} }

func TestRunDoesAllAndRemovesTheJournal(t *testing.T) {
	s, j := newShelf(), create(t, 3, three(put)...)
	require.NoError(t, run(context.Background(), s, j))
	require.Len(t, s.words, 3)
	require.NoFileExists(t, j.path)
}

func TestFailureUndoesInReverse(t *testing.T) {
	s, j := newShelf(), create(t, 3, three(put)...)
	s.fail["do c"] = errTest
	require.ErrorIs(t, run(context.Background(), s, j), errTest)
	require.Empty(t, s.words)
	require.Equal(t, "do a, do b, do c, undo c, undo b, undo a", strings.Join(s.log, ", "))
	require.NoFileExists(t, j.path)
}

func TestFailedUndoKeepsTheJournal(t *testing.T) {
	s, j := newShelf(), create(t, 3, three(put)...)
	undoErr := errors.New("undo failure")
	s.fail["do c"], s.fail["undo b"] = errTest, undoErr
	err := run(context.Background(), s, j)
	require.ErrorIs(t, err, errTest)
	require.ErrorIs(t, err, undoErr)
	require.Equal(t, map[string]bool{"b": true}, s.words, "the others were undone")

	delete(s.fail, "undo b")
	s.log = nil
	require.NoError(t, resume(t, s, j.path))
	require.Equal(t, []string{"undo b"}, s.log, "only what was left")
	require.Empty(t, s.words)
	require.NoFileExists(t, j.path)
}

func TestBehindTheCommitPoint(t *testing.T) {
	t.Run("others go on", func(t *testing.T) {
		s, j := newShelf(), create(t, 0, three(put)...)
		s.fail["do a"] = errTest
		require.ErrorIs(t, run(context.Background(), s, j), errTest)
		require.Equal(t, map[string]bool{"b": true, "c": true}, s.words)
		require.FileExists(t, j.path)
		delete(s.fail, "do a")
		require.NoError(t, resume(t, s, j.path))
		require.Len(t, s.words, 3)
		require.NoFileExists(t, j.path)
	})
	t.Run("a barrier stops them", func(t *testing.T) {
		s, j := newShelf(), create(t, 0, gate("a"), put("b"))
		s.fail["do a"] = errTest
		require.ErrorIs(t, run(context.Background(), s, j), errTest)
		require.Empty(t, s.words)
		delete(s.fail, "do a")
		require.NoError(t, resume(t, s, j.path))
		require.Len(t, s.words, 2)
	})
	t.Run("a final failure is not tried again", func(t *testing.T) {
		s, j := newShelf(), create(t, 0, attempt("a"), put("b"))
		s.fail["do a"] = errTest
		require.ErrorIs(t, run(context.Background(), s, j), errTest)
		require.Equal(t, map[string]bool{"b": true}, s.words)
		require.NoFileExists(t, j.path)
	})
	t.Run("cancelling changes nothing", func(t *testing.T) {
		s, j := newShelf(), create(t, 1, three(put)...)
		ctx, cancel := context.WithCancel(context.Background())
		ctx = WithFault(ctx, func(p Point) error {
			if p.Index == 1 {
				cancel()
			}
			return nil
		})
		require.NoError(t, run(ctx, s, j))
		require.Len(t, s.words, 3)
	})
}

func TestCancelBeforeTheCommitPoint(t *testing.T) {
	for at := range 3 {
		s, j := newShelf(), create(t, 3, three(put)...)
		ctx, cancel := context.WithCancel(context.Background())
		ctx = WithFault(ctx, func(p Point) error {
			if p.Phase == "do" && p.Index == at {
				cancel()
			}
			return nil
		})
		err := run(ctx, s, j)
		if at < 2 {
			require.ErrorIs(t, err, context.Canceled)
			require.Empty(t, s.words)
		}
	}
}

func TestCrashAndResume(t *testing.T) {
	for _, commit := range []int{3, 1} {
		for at := range 3 {
			for _, phase := range []string{"do", "done"} {
				t.Run(fmt.Sprintf("commit %d crash %s %d", commit, phase, at), func(t *testing.T) {
					s, j := newShelf(), create(t, commit, three(put)...)
					ctx := WithFault(context.Background(), func(p Point) error {
						if p.Index == at && p.Phase == phase {
							return ErrCrash
						}
						return nil
					})
					require.ErrorIs(t, run(ctx, s, j), ErrCrash)
					require.NoError(t, resume(t, s, j.path))
					want := 0
					if at >= commit {
						want = 3
					}
					require.Len(t, s.words, want)
					require.NoFileExists(t, j.path)
				})
			}
		}
	}
}

func TestJournalFile(t *testing.T) {
	t.Run("second one", func(t *testing.T) {
		j := create(t, 3, three(put)...)
		_, err := Create(j.path, Header{})
		require.ErrorIs(t, err, fs.ErrExist)
	})
	t.Run("cut at any byte", func(t *testing.T) {
		j := create(t, 3, three(put)...)
		s := newShelf()
		s.fail["do c"] = ErrCrash
		require.ErrorIs(t, run(context.Background(), s, j), ErrCrash)
		whole, err := os.ReadFile(j.path)
		require.NoError(t, err)
		head := strings.IndexByte(string(whole), '\n') + 1
		for n := range len(whole) + 1 {
			require.NoError(t, os.WriteFile(j.path, whole[:n], 0o600))
			j, err := Open(j.path)
			if n < head {
				require.ErrorIs(t, err, ErrNoHeader)
				continue
			}
			require.NoError(t, err)
			require.NoError(t, j.Close())
		}
	})
	t.Run("of another version", func(t *testing.T) {
		j := create(t, 0)
		require.NoError(t, os.WriteFile(j.path, []byte(`{"version":99}`+"\n"), 0o600))
		_, err := Open(j.path)
		require.ErrorContains(t, err, "version 99")
	})
	t.Run("a step that is not there", func(t *testing.T) {
		j := create(t, 0)
		require.NoError(t, j.line(record{Step: 5, Phase: intent}, false))
		_, err := Open(j.path)
		require.ErrorContains(t, err, "step 5 of 0")
	})
	t.Run("an unknown kind", func(t *testing.T) {
		j := create(t, 1, Step{Kind: "from a later version"})
		require.NoError(t, j.write(record{Step: 0, Phase: intent}, false))
		require.ErrorContains(t, resume(t, newShelf(), j.path), "from a later version")
		require.FileExists(t, j.path, "somebody else may know it")
	})
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"version":1,"plan":{"steps":[{"kind":"put","detail":"a"}],"commit":1}}` + "\n" + `{"step":0,"phase":"intent"}` + "\n"))
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if j, err := Open(path); err == nil {
			j.Close()
		}
	})
}

func TestJobs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	s := newShelf()
	locked := false
	job := Job[*shelf]{
		Event: events.JailStart{Jail: "shelf"}, Room: 40, Env: s, Journal: path,
		Lock: func(context.Context) (func(), error) {
			locked = true
			return func() { locked = false }, nil
		},
		Plan: func(context.Context, string) (*Plan, error) {
			return &Plan{Operation: "test", Steps: three(put), Commit: 3}, nil
		},
		Boot:  func(context.Context) (string, error) { return "boot", nil },
		Clock: time.Now,
	}
	all, err := events.Collect(context.Background(), runner.Start(context.Background(), job))
	require.NoError(t, err)
	require.Len(t, all, 8)
	require.False(t, locked, "the lock is free when the channel is closed")

	refusals := map[string]func(*Job[*shelf]){
		"lock": func(j *Job[*shelf]) {
			j.Lock = func(context.Context) (func(), error) { return nil, errTest }
		},
		"plan": func(j *Job[*shelf]) {
			j.Plan = func(context.Context, string) (*Plan, error) { return nil, errTest }
		},
		"boot": func(j *Job[*shelf]) {
			j.Boot = func(context.Context) (string, error) { return "", errTest }
		},
	}
	for name, change := range refusals {
		t.Run("refused by "+name, func(t *testing.T) {
			job := job
			change(&job)
			all, err := events.Collect(context.Background(), runner.Start(context.Background(), job))
			require.ErrorIs(t, err, errTest)
			require.Len(t, all, 1, "one failed event")
			require.Equal(t, events.Failed, all[0].Head().State)
			require.IsType(t, events.JailStart{}, all[0])
			require.NoFileExists(t, path)
		})
	}
}

// TestRoomFromThePlan runs a plan that is longer than the channel: whoever reads
// misses nothing, and whoever does not is told how much.
func TestRoomFromThePlan(t *testing.T) {
	const steps = 400
	var long []Step
	for i := range steps {
		long = append(long, put(fmt.Sprint(i)))
	}
	began, held := make(chan struct{}), make(chan struct{})
	job := Job[*shelf]{
		Event: events.JailStart{Jail: "shelf"}, Room: 4, Env: newShelf(), Journal: filepath.Join(t.TempDir(), "j"),
		Lock: func(context.Context) (func(), error) { return func() {}, nil },
		Plan: func(context.Context, string) (*Plan, error) {
			return &Plan{Operation: "test", Steps: long, Commit: steps}, nil
		},
		Boot:  func(context.Context) (string, error) { return "boot", nil },
		Clock: time.Now,
	}
	ctx := WithFault(context.Background(), func(p Point) error {
		if p.Index == steps-1 && p.Phase == "do" {
			close(began) // nothing was read so far
			<-held
		}
		return nil
	})
	ch := runner.Start(ctx, job)
	<-began
	var all []events.IocEvent
	for range 60 { // as many as the channel has
		all = append(all, <-ch)
	}
	close(held)
	rest, err := events.Collect(context.Background(), ch)
	require.NoError(t, err)
	all = append(all, rest...)
	missed := 0
	for i, e := range all {
		if o, ok := e.(events.Overflow); ok {
			missed += o.Missed
			require.Equal(t, len(all)-2, i, "before the last event")
		}
	}
	require.IsType(t, events.JailStart{}, all[len(all)-1])
	require.Equal(t, 2*steps+2, len(all)+missed-min(missed, 1), "each transition is read or counted")

	job.Room = (&Plan{Steps: long}).Room() // as for a plan made before
	all, err = events.Collect(context.Background(), runner.Start(context.Background(), job))
	require.NoError(t, err)
	require.Len(t, all, 2*steps+2)
}

// leaveWord finds that the word has gone to somebody else.
type leaveWord struct{ word }

func (leaveWord) Kind() string { return "leave" }

func (leaveWord) Do(_ context.Context, _ *shelf, c *Call) error {
	c.End("it is somebody else's")
	return nil
}

// TestEnd: what an ended step says holds for those after it, also when a crash
// comes before the journal is gone.
func TestEnd(t *testing.T) {
	r := Runner[*shelf]{Kinds: NewKinds[*shelf](putWord{}, leaveWord{})}
	parent := func() *events.Span {
		return events.NewOperation(events.Options{}).Begin(events.JailStart{Jail: "shelf"})
	}
	steps := []Step{StepOf(leaveWord{word{"a"}}), put("b")}
	ctx := context.Background()

	s, j := newShelf(), create(t, 0, steps...)
	require.NoError(t, r.Run(ctx, s, j, parent()))
	require.Empty(t, s.words)
	require.NoFileExists(t, j.path)

	j = create(t, 0, steps...)
	require.NoError(t, r.step(ctx, s, j, 0, parent()))
	require.NoError(t, j.Close()) // the crash
	again, err := Open(j.path)
	require.NoError(t, err)
	finished, err := r.Resume(ctx, s, again, "", parent())
	require.NoError(t, err)
	require.True(t, finished)
	require.Empty(t, s.words)
	require.NoFileExists(t, j.path)
}
