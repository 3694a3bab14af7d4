package fleet

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/kernel"
)

// changesOf reads changes such as "started:1 config:1+2": the kind, the incarnation
// of the run and how many are merged into it.
func changesOf(t *testing.T, text string) (out []Change) {
	t.Helper()
	kinds := map[string]ChangeKind{}
	for k := ChangeThere; k <= ChangeParams; k++ {
		kinds[k.String()] = k
	}
	for word := range strings.FieldsSeq(text) {
		word, merged, _ := strings.Cut(word, "+")
		name, life, _ := strings.Cut(word, ":")
		require.Contains(t, kinds, name)
		c := Change{Kind: kinds[name]}
		c.Merged, _ = strconv.Atoi(merged)
		n, _ := strconv.Atoi(life)
		c.Identity.Incarnation = uint64(n)
		out = append(out, c)
	}
	return out
}

func textOfChange(c Change) string {
	text := c.Kind.String()
	if c.Identity != (kernel.Identity{}) {
		text += fmt.Sprintf(":%d", c.Identity.Incarnation)
	}
	if c.Merged > 0 {
		text += fmt.Sprintf("+%d", c.Merged)
	}
	return text
}

// TestMergedChanges: what a reader gets that has not read for a while.
func TestMergedChanges(t *testing.T) {
	run := func(from, to int) (text string) {
		for n := from; n <= to; n++ {
			text += fmt.Sprintf(" started:%d stopped:%d", n, n)
		}
		return text
	}
	for name, row := range map[string]struct{ put, get string }{
		"twice":                      {"config config", "config+1"},
		"three kinds":                {"config params died config params died", "config+1 params+1 died+1"},
		"merged before":              {"config config+2", "config+3"},
		"of two runs":                {"params:1 params:2 params:1", "params:1+1 params:2"},
		"not over a start":           {"config started:1 config", "config started:1 config"},
		"not over a stop":            {"config stopped:1 config", "config stopped:1 config"},
		"not over a create":          {"config created config", "config created config"},
		"not over a destroy":         {"config destroyed config", "config destroyed config"},
		"not over what is there":     {"config there config", "config there config"},
		"over the snapshot":          {"config snapshot config", "config+1 snapshot"},
		"as many lives as are kept":  {run(1, 8), run(1, 8)},
		"one more, no whole life":    {"there" + strings.Repeat(" there", 16), "there" + strings.Repeat(" there", 16)},
		"one more":                   {"stopped:0" + run(1, 8), "stopped:0+2" + run(2, 8)},
		"two runs more":              {"stopped:0" + run(1, 9), "stopped:0+4" + run(3, 9)},
		"what is within goes too":    {"stopped:0 started:1 config:1+1 stopped:1" + run(2, 8), "stopped:0+4" + run(2, 8)},
		"the first run stays":        {run(1, 8) + " started:9", "started:1+2 stopped:1" + run(3, 8) + " started:9"},
		"the second run goes":        {"started:1 stopped:1 created" + run(2, 8), "started:1+2 stopped:1 created" + run(3, 8)},
		"created and destroyed":      {"there created destroyed" + run(2, 8), "there+2" + run(2, 8)},
		"created and not destroyed":  {"there created there" + run(2, 8), "there+2 created there" + run(3, 8)},
		"destroyed and not created":  {"there destroyed" + run(2, 8) + " there", "there+2 destroyed" + run(3, 8) + " there"},
		"started and then destroyed": {"there started:1 destroyed" + run(2, 8), "there+2 started:1 destroyed" + run(3, 8)},
	} {
		t.Run(name, func(t *testing.T) {
			q := newChangeQueue()
			var want []string
			for _, c := range changesOf(t, row.put) {
				q.put("web", c)
			}
			for _, c := range changesOf(t, row.get) {
				want = append(want, textOfChange(c))
			}
			q.fail(errBroken)
			var got []string
			for c, err := q.next(); err == nil; c, err = q.next() {
				got = append(got, textOfChange(c))
			}
			require.Equal(t, want, got)
		})
	}
}

// TestChangesOfManyJails: a jail with many changes does not keep out the others, and an
// error comes after what was there before it.
func TestChangesOfManyJails(t *testing.T) {
	q := newChangeQueue()
	for _, c := range changesOf(t, "started:1 stopped:1") {
		q.put("web", c)
	}
	q.put("db", changesOf(t, "started:2")[0])
	q.fail(errBroken)
	for _, want := range []string{"started:1", "started:2", "stopped:1"} {
		c, err := q.next()
		require.NoError(t, err)
		require.Equal(t, want, textOfChange(c))
	}
	_, err := q.next()
	require.ErrorIs(t, err, errBroken)
}
