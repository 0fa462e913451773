// Chains of row operators, one kernel each, compiled at run time (KernelChains) with
//   BF16   1 when tensors are bfloat16, else they are float32; sums are float32 in either case
//   C      length of a row, a multiple of 8
// No headers: an image has none. A tensor is row-major, (rows, C); "utterance" is a group of `frames` rows.
// Column sums go to `partial`, a row for each worker, which `finish` adds up: no atomics, so results do not vary.

typedef unsigned short half_t;
typedef unsigned int u32;
typedef long long i64;

#if BF16
typedef half_t T;
__device__ __forceinline__ float value(T x) { return __uint_as_float((u32)x << 16); }
__device__ __forceinline__ T rounded(float x) {
  T y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
}
__device__ __forceinline__ void load8(const T* p, float* v) {
  uint4 r = *(const uint4*)p;
  u32 w[4] = {r.x, r.y, r.z, r.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    v[2 * i] = __uint_as_float(w[i] << 16);
    v[2 * i + 1] = __uint_as_float(w[i] & 0xffff0000u);
  }
}
__device__ __forceinline__ void store8(T* p, const float* v) {
  u32 w[4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(w[i]) : "f"(v[2 * i + 1]), "f"(v[2 * i]));
  }
  *(uint4*)p = make_uint4(w[0], w[1], w[2], w[3]);
}
#else
typedef float T;
__device__ __forceinline__ float value(T x) { return x; }
__device__ __forceinline__ T rounded(float x) { return x; }
__device__ __forceinline__ void load8(const T* p, float* v) {
  *(float4*)v = *(const float4*)p;
  *(float4*)(v + 4) = *(const float4*)(p + 4);
}
__device__ __forceinline__ void store8(T* p, const float* v) {
  *(float4*)p = *(const float4*)v;
  *(float4*)(p + 4) = *(const float4*)(v + 4);
}
#endif

#define V (C / 8)                                                             // vectors in a row
#define LANES (V > 16 ? 32 : V > 8 ? 16 : V > 4 ? 8 : V > 2 ? 4 : V > 1 ? 2 : 1) // threads of a row
#define N ((V + LANES - 1) / LANES)                                           // vectors of a thread
#define THREADS 256
#define ROWS (THREADS / LANES)                                                // rows at a time in a block

__device__ __forceinline__ float laneSum(float x) {
#pragma unroll
  for (int o = LANES / 2; o > 0; o /= 2) x += __shfl_xor_sync(0xffffffffu, x, o, 32);
  return x;
}

__device__ __forceinline__ void readRow(const T* p, i64 row, int lane, float (&v)[N][8]) {
#pragma unroll
  for (int n = 0; n < N; n++) {
    int at = n * LANES + lane;
    if (at < V) {
      load8(p + row * C + at * 8, v[n]);
    } else {
#pragma unroll
      for (int i = 0; i < 8; i++) v[n][i] = 0;
    }
  }
}

__device__ __forceinline__ void writeRow(T* p, i64 row, int lane, const float (&v)[N][8]) {
#pragma unroll
  for (int n = 0; n < N; n++) {
    int at = n * LANES + lane;
    if (at < V) store8(p + row * C + at * 8, v[n]);
  }
}

// mean and 1/deviation of the row that these lanes hold
__device__ __forceinline__ void moments(const float (&x)[N][8], int lane, float eps, float& mean, float& rstd) {
  float sum = 0;
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int i = 0; i < 8; i++) sum += x[n][i];
  mean = laneSum(sum) / C;
  float squares = 0;
#pragma unroll
  for (int n = 0; n < N; n++)
    if (n * LANES + lane < V)
#pragma unroll
      for (int i = 0; i < 8; i++) squares += (x[n][i] - mean) * (x[n][i] - mean);
  rstd = rsqrtf(laneSum(squares) / C + eps);
}

// Adds up what the workers of a block hold in v, by columns; the first ROWS·LANES threads take part.
__device__ __forceinline__ void blockSums(float* shared, const float (&v)[N][8], int worker, int lane, float* out) {
  __syncthreads();
#pragma unroll
  for (int n = 0; n < N; n++) {
    int at = n * LANES + lane;
    if (at < V)
#pragma unroll
      for (int i = 0; i < 8; i++) shared[worker * C + at * 8 + i] = v[n][i];
  }
  __syncthreads();
  for (int c = threadIdx.x; c < C; c += THREADS) {
    float sum = 0;
    for (int w = 0; w < ROWS; w++) sum += shared[w * C + c];
    out[c] = sum;
  }
}

__device__ __forceinline__ float mish(float u) {
  float e = __expf(fminf(u, 30.f));
  float n = e * (e + 2);
  return u * n / (n + 2);
}

// d mish(u) / du, with tanh(softplus(u)) = n / (n + 2)
__device__ __forceinline__ float mishSlope(float u) {
  float e = __expf(fminf(u, 30.f));
  float n = e * (e + 2);
  float t = n / (n + 2);
  return t + u * (1 - t * t) * (e / (1 + e));
}

__device__ __forceinline__ float sigmoid(float u) { return 1 / (1 + __expf(-u)); }

#define GELU_K 0.7978845608028654f
// tanh(k(u + 0.044715u³)) = 2σ(2k(…)) − 1
__device__ __forceinline__ float gelu(float u) { return u * sigmoid(2 * GELU_K * (u + 0.044715f * u * u * u)); }
__device__ __forceinline__ float geluSlope(float u) {
  float s = sigmoid(2 * GELU_K * (u + 0.044715f * u * u * u));
  return s + u * s * (1 - s) * 2 * GELU_K * (1 + 3 * 0.044715f * u * u);
}

enum { NONE, MISH, GELU, SILU };
__device__ __forceinline__ float act(int kind, float u) {
  return kind == MISH ? mish(u) : kind == GELU ? gelu(u) : kind == SILU ? u * sigmoid(u) : u;
}
__device__ __forceinline__ float slope(int kind, float u) {
  if (kind == MISH) return mishSlope(u);
  if (kind == GELU) return geluSlope(u);
  if (kind == SILU) {
    float s = sigmoid(u);
    return s * (1 + u * (1 - s));
  }
  return 1;
}

#if C <= 1024 // the registers of a thread hold its share of several rows
// x' = x + gate·y;  z = norm(x')·(1 + scale) + shift. Vectors belong to utterances, `stride` apart. Without y, x' is x.
extern "C" __global__ void __launch_bounds__(THREADS) gatedNorm(const T* x, const T* y, const T* gate, i64 gateStride,
    const T* shift, const T* scale, i64 stride, T* sum, T* z, float* stats, i64 rows, int frames, float eps) {
  int lane = threadIdx.x % LANES;
  i64 row = (i64)blockIdx.x * ROWS + threadIdx.x / LANES;
  bool in = row < rows;
  if (!in) row = rows - 1;
  i64 b = row / frames;
  float v[N][8], w[N][8];
  readRow(x, row, lane, v);
  if (y) {
    float g[N][8];
    readRow(y, row, lane, w);
    readRow(gate + b * gateStride, 0, lane, g);
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
      for (int i = 0; i < 8; i++) v[n][i] = value(rounded(v[n][i] + g[n][i] * w[n][i]));
    if (in) writeRow(sum, row, lane, v);
  }
  float mean, rstd;
  moments(v, lane, eps, mean, rstd);
  float s[N][8];
  readRow(scale + b * stride, 0, lane, s);
  readRow(shift + b * stride, 0, lane, w);
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int i = 0; i < 8; i++) v[n][i] = (v[n][i] - mean) * rstd * (1 + s[n][i]) + w[n][i];
  if (!in) return;
  writeRow(z, row, lane, v);
  if (lane == 0) {
    stats[2 * row] = mean;
    stats[2 * row + 1] = rstd;
  }
}

// dx = dx' + norm's share of dz (dx' may be null); dy = gate·dx.
// Block (chunk, utterance); partial (utterance, chunk, {gate, shift, scale}, C).
extern "C" __global__ void __launch_bounds__(THREADS) gatedNormBackward(const T* dz, const T* dsum, const T* sum,
    const T* y, const T* gate, i64 gateStride, const T* scale, i64 stride, const float* stats, T* dx, T* dy,
    float* partial, int frames, int chunk) {
  extern __shared__ float shared[];
  int lane = threadIdx.x % LANES, worker = threadIdx.x / LANES;
  i64 b = blockIdx.y;
  float g[N][8], s[N][8], sg[N][8], ss[N][8], sc[N][8];
  if (y) readRow(gate + b * gateStride, 0, lane, g);
  readRow(scale + b * stride, 0, lane, s);
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int i = 0; i < 8; i++) {
      s[n][i] += 1;
      sg[n][i] = ss[n][i] = sc[n][i] = 0;
    }
  int end = min(frames, (int)(blockIdx.x + 1) * chunk);
  for (int f0 = blockIdx.x * chunk; f0 < end; f0 += ROWS) {
    bool in = f0 + worker < end;
    i64 row = b * frames + (in ? f0 + worker : end - 1);
    float d[N][8], h[N][8];
    readRow(dz, row, lane, d);
    readRow(sum, row, lane, h);
    float mean = stats[2 * row], rstd = stats[2 * row + 1];
    float a = 0, c = 0;
#pragma unroll
    for (int n = 0; n < N; n++)
      if (n * LANES + lane < V)
#pragma unroll
        for (int i = 0; i < 8; i++) {
          h[n][i] = (h[n][i] - mean) * rstd;
          if (in) {
            ss[n][i] += d[n][i];
            sc[n][i] += d[n][i] * h[n][i];
          }
          d[n][i] *= s[n][i];
          a += d[n][i];
          c += d[n][i] * h[n][i];
        }
    a = laneSum(a) / C;
    c = laneSum(c) / C;
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
      for (int i = 0; i < 8; i++) d[n][i] = rstd * (d[n][i] - a - h[n][i] * c);
    if (dsum) {
      readRow(dsum, row, lane, h);
#pragma unroll
      for (int n = 0; n < N; n++)
#pragma unroll
        for (int i = 0; i < 8; i++) d[n][i] += h[n][i];
    }
    if (in) writeRow(dx, row, lane, d);
    if (y) {
      readRow(y, row, lane, h);
#pragma unroll
      for (int n = 0; n < N; n++)
#pragma unroll
        for (int i = 0; i < 8; i++) {
          if (in) sg[n][i] += d[n][i] * h[n][i];
          d[n][i] *= g[n][i];
        }
      if (in) writeRow(dy, row, lane, d);
    }
  }
  float* out = partial + ((b * gridDim.x + blockIdx.x) * 3) * C;
  blockSums(shared, sg, worker, lane, out);
  blockSums(shared, ss, worker, lane, out + C);
  blockSums(shared, sc, worker, lane, out + 2 * C);
}

// y = act(norm(x)·weight + bias)
extern "C" __global__ void __launch_bounds__(THREADS) rowNorm(const T* x, const T* weight, const T* bias, T* y,
    float* stats, i64 rows, float eps, int kind) {
  int lane = threadIdx.x % LANES;
  i64 row = (i64)blockIdx.x * ROWS + threadIdx.x / LANES;
  bool in = row < rows;
  if (!in) row = rows - 1;
  float v[N][8], w[N][8], b[N][8];
  readRow(x, row, lane, v);
  float mean, rstd;
  moments(v, lane, eps, mean, rstd);
  readRow(weight, 0, lane, w);
  readRow(bias, 0, lane, b);
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int i = 0; i < 8; i++) v[n][i] = act(kind, (v[n][i] - mean) * rstd * w[n][i] + b[n][i]);
  if (!in) return;
  writeRow(y, row, lane, v);
  if (lane == 0) {
    stats[2 * row] = mean;
    stats[2 * row + 1] = rstd;
  }
}

// A block takes `chunk` rows; partial (chunk, {weight, bias}, C).
extern "C" __global__ void __launch_bounds__(THREADS) rowNormBackward(const T* dy, const T* x, const T* weight,
    const T* bias, const float* stats, T* dx, float* partial, i64 rows, int chunk, int kind) {
  extern __shared__ float shared[];
  int lane = threadIdx.x % LANES, worker = threadIdx.x / LANES;
  float w[N][8], b[N][8], sw[N][8], sb[N][8];
  readRow(weight, 0, lane, w);
  readRow(bias, 0, lane, b);
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int i = 0; i < 8; i++) sw[n][i] = sb[n][i] = 0;
  i64 end = min(rows, (i64)(blockIdx.x + 1) * chunk);
  for (i64 r0 = (i64)blockIdx.x * chunk; r0 < end; r0 += ROWS) {
    bool in = r0 + worker < end;
    i64 row = in ? r0 + worker : end - 1;
    float d[N][8], h[N][8];
    readRow(dy, row, lane, d);
    readRow(x, row, lane, h);
    float mean = stats[2 * row], rstd = stats[2 * row + 1];
    float a = 0, c = 0;
#pragma unroll
    for (int n = 0; n < N; n++)
      if (n * LANES + lane < V)
#pragma unroll
        for (int i = 0; i < 8; i++) {
          h[n][i] = (h[n][i] - mean) * rstd;
          d[n][i] *= slope(kind, h[n][i] * w[n][i] + b[n][i]);
          if (in) {
            sw[n][i] += d[n][i] * h[n][i];
            sb[n][i] += d[n][i];
          }
          d[n][i] *= w[n][i];
          a += d[n][i];
          c += d[n][i] * h[n][i];
        }
    a = laneSum(a) / C;
    c = laneSum(c) / C;
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
      for (int i = 0; i < 8; i++) d[n][i] = rstd * (d[n][i] - a - h[n][i] * c);
    if (in) writeRow(dx, row, lane, d);
  }
  float* out = partial + (i64)blockIdx.x * 2 * C;
  blockSums(shared, sw, worker, lane, out);
  blockSums(shared, sb, worker, lane, out + C);
}
#endif

// y = act(x) of `vectors` times 8 elements
extern "C" __global__ void activate(const T* x, T* y, i64 vectors, int kind) {
  i64 at = (i64)blockIdx.x * THREADS + threadIdx.x;
  if (at >= vectors) return;
  float v[8];
  load8(x + at * 8, v);
#pragma unroll
  for (int i = 0; i < 8; i++) v[i] = act(kind, v[i]);
  store8(y + at * 8, v);
}

// dx = dy·act'(x)
extern "C" __global__ void activateBackward(const T* dy, const T* x, T* dx, i64 vectors, int kind) {
  i64 at = (i64)blockIdx.x * THREADS + threadIdx.x;
  if (at >= vectors) return;
  float d[8], v[8];
  load8(dy + at * 8, d);
  load8(x + at * 8, v);
#pragma unroll
  for (int i = 0; i < 8; i++) d[i] *= slope(kind, v[i]);
  store8(dx + at * 8, d);
}

// Block (columns of vectors, some rows) of `chunk` rows; partial (chunk, row of the block, C).
extern "C" __global__ void columnSums(const T* x, float* partial, i64 rows, int chunk) {
  float sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  int at = blockIdx.y * blockDim.x + threadIdx.x;
  if (at >= V) return;
  i64 end = min(rows, (i64)(blockIdx.x + 1) * chunk);
#pragma unroll 4
  for (i64 row = (i64)blockIdx.x * chunk + threadIdx.y; row < end; row += blockDim.y) {
    float v[8];
    load8(x + row * C + at * 8, v);
#pragma unroll
    for (int i = 0; i < 8; i++) sum[i] += v[i];
  }
  float* out = partial + ((i64)blockIdx.x * blockDim.y + threadIdx.y) * C + at * 8;
  *(float4*)out = *(const float4*)sum;
  *(float4*)(out + 4) = *(const float4*)(sum + 4);
}

// The sum of `count` rows of partial sums, `step` apart, for the 32 columns of a block; of use to its first 32 threads.
__device__ __forceinline__ float sumOfRows(const float* from, int count, i64 step, int c) {
  __shared__ float sums[32][33];
  float sum = 0;
  if (c < C)
    for (int i = threadIdx.y; i < count; i += 32) sum += from[i * step + c];
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0)
    for (int i = 1; i < 32; i++) sum += sums[i][threadIdx.x];
  return sum;
}

// partial (count, {first, second} or {first}, C) added to gradients, where there are some. Blocks of (32, 32).
extern "C" __global__ void finish(const float* partial, int count, T* first, T* second) {
  int c = blockIdx.x * 32 + threadIdx.x;
  float sum = sumOfRows(partial + blockIdx.y * C, count, (i64)gridDim.y * C, c);
  T* to = blockIdx.y ? second : first;
  if (to && threadIdx.y == 0 && c < C) to[c] = rounded(value(to[c]) + sum);
}

// partial (utterance, count, 3, C) written to vectors of utterances, where there are some. Blocks of (32, 32).
extern "C" __global__ void finishVectors(const float* partial, int count, T* gate, i64 gateStride, T* shift,
    i64 shiftStride, T* scale, i64 scaleStride) {
  int c = blockIdx.x * 32 + threadIdx.x, b = blockIdx.y / 3, kind = blockIdx.y % 3;
  float sum = sumOfRows(partial + ((i64)b * count * 3 + kind) * C, count, 3 * C, c);
  T* to = kind == 0 ? gate + b * gateStride : kind == 1 ? shift + b * shiftStride : scale + b * scaleStride;
  if (threadIdx.y == 0 && c < C && (gate || kind)) to[c] = rounded(sum);
}

// Windows of K frames that end at each frame, zeros before the first: y[f][c·K + k] = x[f − K + 1 + k][c].
#define K 3
extern "C" __global__ void windows(const T* x, T* y, i64 rows, int frames) {
  i64 at = (i64)blockIdx.x * THREADS + threadIdx.x;
  if (at >= rows * V) return;
  i64 row = at / V;
  int f = row % frames, c = (at % V) * 8;
  float v[K][8], w[8 * K];
#pragma unroll
  for (int k = 0; k < K; k++) {
    if (f - K + 1 + k >= 0) {
      load8(x + (row - K + 1 + k) * C + c, v[k]);
    } else {
#pragma unroll
      for (int i = 0; i < 8; i++) v[k][i] = 0;
    }
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int k = 0; k < K; k++) w[i * K + k] = v[k][i];
#pragma unroll
  for (int k = 0; k < K; k++) store8(y + row * C * K + c * K + 8 * k, w + 8 * k);
}

extern "C" __global__ void windowsBackward(const T* dy, T* dx, i64 rows, int frames) {
  i64 at = (i64)blockIdx.x * THREADS + threadIdx.x;
  if (at >= rows * V) return;
  i64 row = at / V;
  int f = row % frames, c = (at % V) * 8;
  float sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
#pragma unroll
  for (int k = 0; k < K; k++) {
    int later = K - 1 - k;
    if (f + later < frames) {
      float w[8 * K];
#pragma unroll
      for (int j = 0; j < K; j++) load8(dy + (row + later) * C * K + c * K + 8 * j, w + 8 * j);
#pragma unroll
      for (int i = 0; i < 8; i++) sum[i] += w[i * K + k];
    }
  }
  store8(dx + row * C + c, sum);
}
