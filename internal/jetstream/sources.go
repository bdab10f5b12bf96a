package jetstream

import "github.com/tidings-io/tidings/internal/jsapi"

func (a *Account) admitSourcesLocked(*jsapi.StreamConfig) *jsapi.Error { return nil }

func (s *Stream) sourcesInfoLocked(*jsapi.StreamInfo) {}
