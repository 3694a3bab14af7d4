package jail_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// Every kind of step is in an operation that the fault matrix goes through, and
// the steps of create, start and stop after the point of no return are these:
// what clears away a start's former base, and all of a stop but the hooks at its
// beginning. The matrix takes the plan's word for that point.
func TestStepsOfOperations(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every operation of the fault matrix once more")
	}
	var mu sync.Mutex
	planned := map[string]bool{}
	t.Run("operations", func(t *testing.T) {
		for _, row := range operations() {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				h := row.setup(t)
				row.ready(t, ctx, h)
				_, err := row.run(ctx, h) // as in the matrix
				require.NoError(t, err)
				row.ready(t, ctx, h)
				p, err := row.plan(ctx, h)
				require.NoError(t, err)
				mu.Lock()
				for _, s := range p.Steps() {
					planned[s.Kind] = true
				}
				mu.Unlock()
				hooks := true
				for _, s := range p.Steps() {
					hooks = hooks && s.Kind == "run hook"
					switch {
					case row.name == "start with one command": // it ends with a stop
					case strings.HasPrefix(row.name, "create"), strings.HasPrefix(row.name, "start"):
						assert.Equal(t, s.Kind != "destroy former base", s.Undo, "%s: %s", s.Kind, s.Detail)
					case strings.HasPrefix(row.name, "stop"):
						assert.Equal(t, hooks, s.Undo, "%s: %s", s.Kind, s.Detail)
					}
				}
			})
		}
	})
	for _, kind := range jail.StepKinds() {
		assert.True(t, planned[kind], "no operation has a step %q", kind)
	}
}
