using WirePS.Relay;
using Xunit;

namespace WirePS.Tests.Relay;

public sealed class ProxyTests
{
    [Theory]
    [InlineData("http://127.0.0.1:8770/healthz")]
    [InlineData("http://localhost:8770/healthz")]
    [InlineData("http://[::1]:8770/healthz")]
    public void What_goes_to_this_machine_passes_no_proxy(string url)
    {
        var proxy = new ProxyButForLoopback();
        Assert.True(proxy.IsBypassed(new Uri(url)));
        Assert.Null(proxy.GetProxy(new Uri(url)));
    }
}
