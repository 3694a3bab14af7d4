package plan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
)

// A step that appends a word to a list, and a plan whose last step fails.
func Example() {
	type list struct{ words []string }
	push := plan.Define(plan.Spec[*list, string]{
		Name:   "push",
		Detail: func(w string) string { return w },
		Event:  func(_ *list, w string) events.IocEvent { return events.ZFSDatasetCreate{Dataset: w} },
		Do: func(_ context.Context, l *list, w string, _ *plan.Call) error {
			if w == "bad" {
				return errors.New("bad word")
			}
			l.words = append(l.words, w)
			fmt.Println("do", w, l.words)
			return nil
		},
		Undo: func(_ context.Context, l *list, w string, _ *plan.Call) error {
			if n := len(l.words); n > 0 && l.words[n-1] == w {
				l.words = l.words[:n-1]
				fmt.Println("undo", w, l.words)
			}
			return nil
		},
	})
	dir, _ := os.MkdirTemp("", "example-")
	defer os.RemoveAll(dir)
	steps := []plan.Step{push.Step("good"), push.Step("better"), push.Step("bad")}
	j, err := plan.Create(filepath.Join(dir, "example.journal"), plan.Header{
		Plan: plan.Plan{Operation: "example", Steps: steps, Commit: len(steps)},
	})
	if err != nil {
		panic(err)
	}
	op := events.NewOperation(events.Options{})
	r := plan.Runner[*list]{Kinds: plan.NewKinds[*list](push)}
	fmt.Println(r.Run(context.Background(), &list{}, j, op.Begin(events.OperationEnd{})))
	// Output:
	// do good [good]
	// do better [good better]
	// undo better [good]
	// undo good []
	// bad word
}
