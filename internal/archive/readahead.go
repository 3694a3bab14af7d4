package archive

import "io"

// How much is read ahead of the parser, so that decompression does not stop while
// the extracting program is busy.
const (
	aheadSize  = 256 << 10
	aheadCount = 16
)

type piece struct {
	data []byte
	err  error // after data
}

// readAhead reads r in a separate goroutine, which ends with r.
type readAhead struct {
	full    chan piece
	free    chan []byte
	quit    chan struct{}
	done    chan struct{}
	current piece
	rest    []byte // of current.data
}

func newReadAhead(r io.Reader) *readAhead {
	a := &readAhead{
		full: make(chan piece, aheadCount), free: make(chan []byte, aheadCount),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	for range aheadCount {
		a.free <- make([]byte, aheadSize)
	}
	go a.run(r)
	return a
}

func (a *readAhead) run(r io.Reader) {
	defer close(a.done)
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.quit:
			return
		}
		n, err := 0, error(nil)
		for n < len(buf) && err == nil {
			var m int
			m, err = r.Read(buf[n:])
			n += m
		}
		a.full <- piece{buf[:n], err} // does not block: as many places as pieces
		if err != nil {
			return
		}
	}
}

func (a *readAhead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.current.err != nil {
			return 0, a.current.err
		}
		if a.current.data != nil {
			a.free <- a.current.data[:aheadSize]
		}
		a.current = <-a.full
		a.rest = a.current.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// stop waits for the end of the goroutine. The caller must end a Read of r that
// blocks.
func (a *readAhead) stop() {
	close(a.quit)
	<-a.done
}
