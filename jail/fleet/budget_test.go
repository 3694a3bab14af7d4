package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBudget(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	require.Equal(t, budget{
		soft: began.Add(60 * time.Second), late: began.Add(72 * time.Second), hard: began.Add(80 * time.Second),
		patience: 8 * time.Second,
	}, newBudget(began, 80*time.Second))
}
