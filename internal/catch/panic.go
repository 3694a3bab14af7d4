// Package catch turns a panic of code that the library calls into an error.
package catch

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of code that the library called, such as a Store or Kernel
// of the program's own. The operation is rolled back as after any other error.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as debug.Stack formats it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Panic runs f. A panic in it becomes a *PanicError: in a goroutine of the library
// nobody else could recover from it, and the program would end.
func Panic(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return f()
}
