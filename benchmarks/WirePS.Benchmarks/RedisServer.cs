using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace WirePS.Benchmarks;

/// <summary>Redis on this machine in the same run, that flushes its file before each reply (<c>appendfsync always</c>).</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Process _process;

    private RedisServer(Process process, int port)
    {
        _process = process;
        Port = port;
    }

    public int Port { get; }

    /// <returns>Null where it is not installed.</returns>
    public static async Task<RedisServer?> StartAsync(string folder, CancellationToken cancellationToken)
    {
        var port = MeasuredRelay.FreePort();
        string[] options =
        [
            "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes",
            "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--daemonize", "no", "--loglevel", "warning",
        ];
        try
        {
            var server = new RedisServer(Process.Start(new ProcessStartInfo("redis-server", options) { RedirectStandardOutput = true })!, port);
            var start = Stopwatch.GetTimestamp();
            while (!await AnswersAsync(port, cancellationToken))
            {
                if (server._process.HasExited || Stopwatch.GetElapsedTime(start) > Patience)
                {
                    await server.DisposeAsync();
                    throw new InvalidOperationException("redis-server did not start");
                }

                await Task.Delay(50, cancellationToken);
            }

            return server;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync("127.0.0.1", port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
