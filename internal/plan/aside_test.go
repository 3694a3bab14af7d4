package plan

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
)

// TestUndoThatCannotBe: a step that can never be undone does not keep its journal
// forever, which locked its resource. It turns the plan round or stays as it is; the
// journal is set aside and the error says where.
func TestUndoThatCannotBe(t *testing.T) {
	for _, test := range []struct {
		name  string
		undo  error
		words []string
		kept  bool
		b     error // of the undo of another step
	}{
		{name: "onward", undo: Onward(errTest), words: []string{"a", "b", "c"}},
		{name: "final", undo: Final(errTest), words: []string{"a"}},
		{name: "final, another to be tried again", undo: Final(errTest), b: errTest, words: []string{"a", "b"}, kept: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, j := newShelf(), create(t, 3, three(put)...)
			mark := filepath.Join(t.TempDir(), "mark")
			require.NoError(t, setMark(mark, "id", false))
			j.mark = mark
			s.fail["do c"] = errTest
			s.fail["undo a"], s.fail["undo b"] = test.undo, test.b
			err := run(WithFault(context.Background(), func(p Point) error {
				if p.Phase == "undone" && p.Step.Detail == "b" {
					delete(s.fail, "do c")
				}
				return nil
			}), s, j)
			require.ErrorIs(t, err, errTest)
			require.Len(t, s.words, len(test.words))
			for _, w := range test.words {
				require.True(t, s.words[w], w)
			}
			if test.kept {
				require.FileExists(t, j.path)
				require.FileExists(t, mark)
				delete(s.fail, "undo b")
				require.NoError(t, resume(t, s, j.path))
				require.NoFileExists(t, j.path)
				return
			}
			var told *DamagedError
			require.ErrorAs(t, err, &told)
			require.Equal(t, j.path, told.Path)
			require.NoFileExists(t, j.path)
			require.NoFileExists(t, mark)
			require.FileExists(t, told.Aside)
		})
	}
}

// TestEndWithAnError: a step after the commit point that ends the operation with an error
// has its journal set aside; one without is over.
func TestEndWithAnError(t *testing.T) {
	for _, err := range []error{nil, errTest} {
		s, j := newShelf(), create(t, 0, StepOf(lastWord{word{"a"}}), put("b"))
		s.fail["do a"] = err
		runner := Runner[*shelf]{Kinds: NewKinds[*shelf](putWord{}, lastWord{})}
		op := events.NewOperation(events.Options{})
		ran := runner.Run(context.Background(), s, j, op.Begin(events.JailStart{Jail: "shelf"}))
		require.ErrorIs(t, ran, err)
		require.False(t, s.words["b"])
		require.NoFileExists(t, j.path)
		if err != nil {
			var told *DamagedError
			require.ErrorAs(t, ran, &told)
			require.FileExists(t, told.Aside)
		}
	}
}

// lastWord ends the operation.
type lastWord struct{ word }

func (lastWord) Kind() string { return "last" }

func (a lastWord) Do(_ context.Context, s *shelf, c *Call) error {
	c.End("over")
	return s.fail["do "+a.Word]
}
