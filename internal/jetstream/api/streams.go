package api

import (
	"github.com/tidings-io/tidings/internal/jsapi"
)

func streamCreate(c *call) any {
	var r jsapi.StreamCreateResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.StreamCreateRequest
		if err := c.decode(&q); err != nil {
			return err
		}
		if q.Name != c.api.Stream {
			return jsapi.ErrStreamMismatch.New()
		}
		info, _, err := c.account.CreateStream(q.StreamConfig, q.Pedantic)
		if err != nil {
			return err
		}
		// Finding an equal stream is told as having created it.
		r.StreamInfo, r.DidCreate = c.desk.server.changed(info), true
		return nil
	})
}

func streamUpdate(c *call) any {
	var r jsapi.StreamCreateResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.StreamCreateRequest
		if err := c.decode(&q); err != nil {
			return err
		}
		if err := validName(&q.StreamConfig); err != nil {
			return err
		}
		if q.Name != c.api.Stream {
			return jsapi.ErrStreamMismatch.New()
		}
		info, err := c.account.UpdateStream(q.StreamConfig, q.Pedantic)
		if err != nil {
			return err
		}
		r.StreamInfo = c.desk.server.changed(info)
		return nil
	})
}

// validName says what is wrong with the name of a stream.
func validName(cfg *jsapi.StreamConfig) *jsapi.Error {
	bare := jsapi.StreamConfig{Name: cfg.Name}
	_, err := bare.Checked(jsapi.StreamRules{})
	return err
}

func streamInfo(c *call) any {
	var r jsapi.StreamInfoResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.StreamInfoRequest
		if err := c.decodeOptional(&q); err != nil {
			return err
		}
		q.Offset = max(q.Offset, 0)
		s, err := c.stream()
		if err != nil {
			return err
		}
		info, err := s.Info(q)
		if err != nil {
			return err
		}
		if q.SubjectsFilter != "" {
			if n := s.SubjectCount(q.SubjectsFilter); n > 0 {
				r.Page = jsapi.Page{Total: n, Offset: q.Offset, Limit: jsapi.SubjectDetailsLimit}
			}
		}
		r.StreamInfo = c.desk.server.shown(info)
		return nil
	})
}

func streamDelete(c *call) any {
	var r jsapi.SuccessResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		if !c.blank() {
			return jsapi.ErrNotEmptyRequest.New()
		}
		if err := c.account.DeleteStream(c.api.Stream); err != nil {
			return err
		}
		r.Success = true
		return nil
	})
}

func streamPurge(c *call) any {
	var r jsapi.StreamPurgeResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.StreamPurgeRequest
		if err := c.decodeOptional(&q); err != nil {
			return err
		}
		if q.Sequence > 0 && q.Keep > 0 {
			return jsapi.ErrBadRequest.New()
		}
		s, err := c.stream()
		if err != nil {
			return err
		}
		purged, err := s.Purge(q)
		if err != nil {
			return err
		}
		r.Purged, r.Success = purged, true
		return nil
	})
}

func streamNames(c *call) any {
	var r jsapi.StreamNamesResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		streams, err := c.streamPage(&r.Page, jsapi.NamesLimit)
		if err != nil {
			return err
		}
		for _, s := range streams {
			r.Streams = append(r.Streams, s.Name())
		}
		return nil
	})
}

func streamList(c *call) any {
	r := jsapi.StreamListResponse{Streams: []*jsapi.StreamInfo{}}
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		streams, err := c.streamPage(&r.Page, jsapi.ListLimit)
		if err != nil {
			return err
		}
		for _, s := range streams {
			// One that was deleted just now is left out.
			if info, err := s.Info(jsapi.StreamInfoRequest{}); err == nil {
				r.Streams = append(r.Streams, listed(info))
			}
		}
		return nil
	})
}

// streamPage returns the streams of the page that the body asks for.
func (c *call) streamPage(page *jsapi.Page, limit int) ([]Stream, *jsapi.Error) {
	var q jsapi.StreamPageRequest
	if err := c.decodeOptional(&q); err != nil {
		return nil, err
	}
	return pageOf(c.account.Streams(q.Subject), page, q.Offset, limit), nil
}

// pageOf returns one page of a list and says in page where that is.
func pageOf[T any](list []T, page *jsapi.Page, offset, limit int) []T {
	from := min(max(offset, 0), len(list))
	*page = jsapi.Page{Total: len(list), Offset: from, Limit: limit}
	return list[from:min(from+limit, len(list))]
}

// shown is info with what answers add to metadata.
func (s *Server) shown(info *jsapi.StreamInfo) *jsapi.StreamInfo {
	i := told(info)
	i.Config.Metadata = jsapi.ServerMetadata(i.Config.Metadata, s.node.Version())
	return i
}

// changed is info as the answer to a change shows it: without what is the same for
// all streams of the server.
func (s *Server) changed(info *jsapi.StreamInfo) *jsapi.StreamInfo {
	i := s.shown(info)
	i.Cluster, i.Domain = nil, ""
	return i
}

// listed is info as lists show it: with metadata as it is stored.
func listed(info *jsapi.StreamInfo) *jsapi.StreamInfo {
	i := told(info)
	i.Cluster = nil
	return i
}

// told is a copy of info in which a stream that never had a sequence has no first
// one either.
func told(info *jsapi.StreamInfo) *jsapi.StreamInfo {
	i := *info
	if i.State.LastSeq == 0 {
		i.State.FirstSeq = 0
	}
	return &i
}
