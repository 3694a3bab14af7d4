package archive

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// TestReadAhead: the bytes are the same and the error follows them, however
// much there is and however it comes.
func TestReadAhead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	failure := errors.New("failure")
	for _, size := range []int{0, 1, aheadSize - 1, aheadSize, aheadSize + 1, 3*aheadCount*aheadSize + 17} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for name, source := range map[string]io.Reader{
			"plain":      bytes.NewReader(data),
			"halves":     iotest.HalfReader(bytes.NewReader(data)),
			"with error": iotest.DataErrReader(bytes.NewReader(data)),
			"failure":    io.MultiReader(bytes.NewReader(data), iotest.ErrReader(failure)),
		} {
			a := newReadAhead(source)
			got, err := io.ReadAll(a)
			a.stop()
			if !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %s: got %d", size, name, len(got))
			}
			if want := map[bool]error{true: failure}[name == "failure"]; !errors.Is(err, want) {
				t.Errorf("%d bytes, %s: error %v", size, name, err)
			}
		}
	}
}

// TestReadAheadStops: with nobody who reads, no more is taken than there is room
// for, and stop ends it.
func TestReadAheadStops(t *testing.T) {
	source := &endless{}
	a := newReadAhead(source)
	if _, err := io.ReadFull(a, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	a.stop()
	if limit := int64((aheadCount + 1) * aheadSize); source.n > limit {
		t.Errorf("%d bytes were read, more than %d", source.n, limit)
	}
}

type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	return len(p), nil
}
