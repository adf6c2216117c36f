// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"io"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	ctrlzap "sigs.k8s.io/controller-runtime/pkg/log/zap"
)

const (
	encodingJSON    = "json"
	encodingConsole = "console"
)

// newLogger writes one line for each entry to w, with the keys that `flux logs` reads: level, ts, logger, msg, error.
// It is not fluxcd/pkg/runtime/logger.NewLogger, because that samples: of more than 100 lines with one message within a second 99 % are
// dropped, which are just the lines of a controller that reconciles many objects at once.
func newLogger(opts logger.Options, w io.Writer) logr.Logger {
	cfg := zap.NewProductionEncoderConfig()
	cfg.EncodeTime = zapcore.ISO8601TimeEncoder
	var enc zapcore.Encoder
	if opts.LogEncoding == encodingConsole {
		cfg.EncodeLevel = logger.CapitalLevelEncoder
		enc = zapcore.NewConsoleEncoder(cfg)
	} else {
		cfg.EncodeLevel = logger.LowercaseLevelEncoder
		enc = zapcore.NewJSONEncoder(cfg)
	}
	level, _ := logLevel(opts.LogLevel)
	stack := zapcore.PanicLevel
	if level < zapcore.InfoLevel {
		stack = zapcore.ErrorLevel
	}
	// The encoder of controller-runtime logs objects by name and namespace instead of whole.
	core := zapcore.NewCore(&ctrlzap.KubeAwareEncoder{Encoder: enc}, zapcore.Lock(zapcore.AddSync(w)), level)
	return zapr.NewLogger(zap.New(core, zap.AddStacktrace(stack)))
}

// logLevel translates a value of --log-level. Zap counts down: logr's V(1) is its debug level, V(2) the one below.
func logLevel(name string) (zapcore.Level, bool) {
	switch name {
	case "trace":
		return zapcore.DebugLevel - 1, true
	case "debug":
		return zapcore.DebugLevel, true
	case "info":
		return zapcore.InfoLevel, true
	case "error":
		return zapcore.ErrorLevel, true
	default:
		return zapcore.InfoLevel, false
	}
}
