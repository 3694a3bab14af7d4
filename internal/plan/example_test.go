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

type list struct{ words []string }

// push appends a word to a list.
type push struct{ Word string }

func (push) Kind() string { return "push" }

func (p push) Detail() string { return p.Word }

func (p push) Event(*list) events.IocEvent { return events.ZFSDatasetCreate{Dataset: p.Word} }

func (p push) Do(_ context.Context, l *list, _ *plan.Call) error {
	if p.Word == "bad" {
		return errors.New("bad word")
	}
	l.words = append(l.words, p.Word)
	fmt.Println("do", p.Word, l.words)
	return nil
}

func (p push) Undo(_ context.Context, l *list, _ *plan.Call) error {
	if n := len(l.words); n > 0 && l.words[n-1] == p.Word {
		l.words = l.words[:n-1]
		fmt.Println("undo", p.Word, l.words)
	}
	return nil
}

// The last step of the plan fails, and the others are undone.
func Example() {
	dir, _ := os.MkdirTemp("", "example-")
	defer os.RemoveAll(dir)
	steps := []plan.Step{plan.StepOf(push{"good"}), plan.StepOf(push{"better"}), plan.StepOf(push{"bad"})}
	j, err := plan.Create(filepath.Join(dir, "example.journal"), plan.Header{
		Plan: plan.Plan{Operation: "example", Steps: steps, Commit: len(steps)},
	})
	if err != nil {
		panic(err)
	}
	op := events.NewOperation(events.Options{})
	r := plan.Runner[*list]{Kinds: plan.NewKinds[*list](push{})}
	fmt.Println(r.Run(context.Background(), &list{}, j, op.Begin(events.OperationEnd{})))
	// Output:
	// do good [good]
	// do better [good better]
	// undo better [good]
	// undo good []
	// bad word
}
