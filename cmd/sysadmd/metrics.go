package main

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/libioc/go-libioc/sysadm"
)

// metrics are the metrics for Prometheus.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sysadmd_calls_total",
			Help: "Answered calls; failed means that the action failed though its code is 200.",
		}, []string{"transport", "call", "code", "failed"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sysadmd_call_seconds", Help: "Time until calls were answered.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 300},
		}, []string{"transport", "call"}),
	}
	m.registry.MustRegister(m.calls, m.seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(o sysadm.Observation) {
	m.calls.WithLabelValues(o.Transport, o.Call, strconv.Itoa(o.Code), strconv.FormatBool(o.Failed)).Inc()
	m.seconds.WithLabelValues(o.Transport, o.Call).Observe(o.Duration.Seconds())
}

// watch adds the server's statistics.
func (m *metrics) watch(s *sysadm.Server) {
	gauge := func(name, help string, value func(sysadm.Stats) int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sysadmd_" + name, Help: help},
			func() float64 { return float64(value(s.Stats())) }))
	}
	gauge("connections", "WebSocket connections.", func(s sysadm.Stats) int { return s.Connections })
	gauge("subscribers", "Connections that get events.", func(s sysadm.Stats) int { return s.Subscribers })
	gauge("tokens", "Valid logins.", func(s sysadm.Stats) int { return s.Tokens })
	gauge("blocked", "Addresses and accounts with failed logins.", func(s sysadm.Stats) int { return s.Blocked })
	gauge("jobs", "Jobs that run or wait.", func(s sysadm.Stats) int { return s.Jobs })
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "sysadmd_events_dropped_total", Help: "Events that slow subscribers did not get.",
	}, func() float64 { return float64(s.Stats().Dropped) }))
}

func (m *metrics) handler(s *sysadm.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Healthy(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}
